#pragma once

#include <string_view>

namespace fibflow::io {

/// Compares as people count: runs of digits by their value, everything else byte by byte ("slice_2" before
/// "slice_10"). Negative, zero or positive; zero also for names that differ only in leading zeros. Any length
/// of digits.
int natural_compare(std::string_view a, std::string_view b);

}  // namespace fibflow::io
