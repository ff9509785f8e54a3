#pragma once

#include <string_view>

namespace fibflow::pipeline {

/// The report page's style sheet.
extern const std::string_view page_style;

}  // namespace fibflow::pipeline
