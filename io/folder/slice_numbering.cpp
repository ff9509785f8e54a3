#include "io/folder/slice_numbering.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <string_view>

namespace fibflow::pipeline {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string regex_of(const std::string& pattern) {
  if (pattern.empty()) return ".*\\.[tT][iI][fF][fF]?";
  std::string text;
  for (const char c : pattern) {
    if (c == '*') {
      text += ".*";
    } else if (c == '?') {
      text += '.';
    } else if (c == '#') {
      text += "([0-9]+)";
    } else {
      if (std::string_view("\\^$.|+()[]{}").find(c) != std::string_view::npos) text += '\\';
      text += c;
    }
  }
  return text;
}

/// The last run of digits, extensions aside.
std::string_view last_number(std::string_view name) {
  const auto dot = name.rfind('.');
  // "slice.017" has no extension.
  if (dot != std::string_view::npos &&
      !std::all_of(name.begin() + static_cast<std::ptrdiff_t>(dot) + 1, name.end(), is_digit)) {
    name = name.substr(0, dot);
    if (name.ends_with(".ome")) name.remove_suffix(4);
  }
  std::size_t end = name.size();
  while (end > 0 && !is_digit(name[end - 1])) --end;
  std::size_t begin = end;
  while (begin > 0 && is_digit(name[begin - 1])) --begin;
  return name.substr(begin, end - begin);
}

}  // namespace

SliceNumbering::SliceNumbering(const std::string& pattern)
    : form_(regex_of(pattern), std::regex::ECMAScript | std::regex::optimize) {
  const auto marks = std::count(pattern.begin(), pattern.end(), '#');
  if (marks > 1) throw std::invalid_argument("pattern '" + pattern + "': only one # can be the number");
  if (pattern.find('/') != std::string::npos) {
    throw std::invalid_argument("pattern '" + pattern + "': it is for names of files, without folders");
  }
  marked_ = marks == 1;
}

std::optional<std::int64_t> SliceNumbering::number_of(const std::string& path) const {
  const std::string name = path.substr(path.rfind('/') + 1);
  std::smatch match;
  if (!std::regex_match(name, match, form_)) return std::nullopt;
  const std::string marked = marked_ ? match[1].str() : std::string();
  const std::string_view digits = marked_ ? std::string_view(marked) : last_number(name);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  constexpr std::int64_t largest = 1'000'000'000'000'000;
  if (digits.empty() || error != std::errc() || number >= largest) return std::nullopt;
  return number;
}

}  // namespace fibflow::pipeline
