#pragma once

// Internal to io/folder: the numbers in the names of files.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fibflow::io {

/// Stands for a number in the text of a name. File names do not hold it.
inline constexpr char name_mark = '\x01';

/// A number in a name.
struct NameNumber {
  std::string shown;     // as it stands in the name
  std::string value;     // to be compared
  bool is_time = false;  // a date, and perhaps the time of day
};

/// A name as its text, with a mark for each number, and its numbers.
struct ParsedName {
  std::string text;
  std::vector<NameNumber> numbers;
};

/// decimals: a dot between digits belongs to one number, and a minus before it. A date and the time of day are one.
ParsedName parse_name(std::string_view text, bool decimals);

bool is_digit(char c);
/// "093012", six digits.
bool is_time_of_day(std::string_view six);
double value_of(const std::string& number);
/// Exact for whole numbers of any length.
int compare_numbers(const std::string& a, const std::string& b);
/// Nothing but digits, below 10^15.
std::optional<std::int64_t> whole_number(std::string_view text);
/// In nanometres; 0 if the text begins with no unit of length.
double unit_at(std::string_view text);

}  // namespace fibflow::io
