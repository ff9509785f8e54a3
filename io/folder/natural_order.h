#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fibflow::io {

/// Compares as people count: runs of digits by their value, everything else byte by byte ("slice_2" before
/// "slice_10"). Negative, zero or positive; zero also for names that differ only in leading zeros. Any length
/// of digits.
int natural_compare(std::string_view a, std::string_view b);

/// What is odd about the numbering of file names (without folder and extension) in natural order: gaps, or
/// names that differ in more than their number. Empty if nothing is.
std::vector<std::string> numbering_remarks(const std::vector<std::string>& names);

}  // namespace fibflow::io
