#pragma once

#include <string>
#include <string_view>

namespace fibflow::pipeline {

/// Text as it can stand between tags and in quoted attributes: & < > " ' are written as references, and control
/// characters, which HTML does not allow, as U+FFFD.
std::string html(std::string_view text);

/// The same, set apart so that letters written from right to left cannot rearrange what is around: for names of files.
std::string isolated(std::string_view text);

/// Three significant digits: "0.0123", "41.5", "1230", "3.2e-07".
std::string short_number(double value);

/// "12.3 %".
std::string percent(double share);

/// "3.5 ms", "41 s", "3 min 20 s", "2 h 5 min".
std::string duration(double seconds);

/// Of a property or attribute: no exponent, at most four digits after the point.
std::string coordinate(double value);

}  // namespace fibflow::pipeline
