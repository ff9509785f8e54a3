#pragma once

#include <string>
#include <string_view>

namespace fibflow::cli {

/// Text that came from outside (names of files, a model's metadata), safe for a terminal and on one line: control characters, what
/// turns the direction of writing, and bytes that are no UTF-8 become question marks.
std::string printable(std::string_view text);

}  // namespace fibflow::cli
