#include "io/folder/natural_order.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

namespace fibflow::io {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view take_digits(std::string_view& rest) {
  std::size_t end = 0;
  while (end < rest.size() && is_digit(rest[end])) ++end;
  std::string_view digits = rest.substr(0, end);
  rest.remove_prefix(end);
  while (digits.size() > 1 && digits[0] == '0') digits.remove_prefix(1);
  return digits;
}

// A name with its numbers taken out: "z#_x#", and the numbers.
struct Pattern {
  std::string text;
  std::vector<std::string_view> numbers;
};

Pattern pattern_of(std::string_view name) {
  Pattern pattern;
  while (!name.empty()) {
    if (is_digit(name[0])) {
      pattern.numbers.push_back(take_digits(name));
      pattern.text += '#';
    } else {
      pattern.text += name[0];
      name.remove_prefix(1);
    }
  }
  return pattern;
}

std::optional<std::int64_t> value_of(std::string_view digits) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace

int natural_compare(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    if (is_digit(a[0]) && is_digit(b[0])) {
      const std::string_view left = take_digits(a);
      const std::string_view right = take_digits(b);
      if (left.size() != right.size()) return left.size() < right.size() ? -1 : 1;
      if (const int order = left.compare(right); order != 0) return order;
    } else {
      const auto left = static_cast<unsigned char>(a[0]);
      const auto right = static_cast<unsigned char>(b[0]);
      if (left != right) return left < right ? -1 : 1;
      a.remove_prefix(1);
      b.remove_prefix(1);
    }
  }
  return static_cast<int>(!a.empty()) - static_cast<int>(!b.empty());
}

std::vector<std::string> numbering_remarks(const std::vector<std::string>& names) {
  if (names.size() < 2) return {};
  std::vector<Pattern> patterns;
  patterns.reserve(names.size());
  for (const std::string& name : names) patterns.push_back(pattern_of(name));
  for (std::size_t i = 1; i < names.size(); ++i) {
    if (patterns[i].text != patterns[0].text) {
      return {"the names differ in more than their number ('" + names[0] + "' and '" + names[i] +
              "'): is this one stack?"};
    }
  }
  // Natural order sorts by the first number that varies.
  std::size_t column = 0;
  const auto varies = [&](std::size_t c) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const Pattern& p) { return p.numbers[c] != patterns[0].numbers[c]; });
  };
  while (column < patterns[0].numbers.size() && !varies(column)) ++column;
  if (column == patterns[0].numbers.size()) return {};

  std::vector<std::int64_t> values;
  for (const Pattern& pattern : patterns) {
    const auto value = value_of(pattern.numbers[column]);
    // A number beyond any slice's is a time or an identifier; and one that repeats does not count the slices.
    if (!value || (!values.empty() && *value <= values.back())) return {};
    values.push_back(*value);
  }
  std::int64_t step = values[1] - values[0];
  for (std::size_t i = 2; i < values.size(); ++i) step = std::min(step, values[i] - values[i - 1]);
  std::vector<std::string> remarks;
  std::size_t gaps = 0;
  constexpr std::size_t most = 3;
  for (std::size_t i = 1; i < values.size(); ++i) {
    if (values[i] - values[i - 1] == step) continue;
    if (++gaps > most) continue;
    const std::int64_t missing = (values[i] - values[i - 1]) / step - 1;
    remarks.push_back("a gap in the numbering: " + std::to_string(std::max<std::int64_t>(missing, 1)) +
                      " missing between '" + names[i - 1] + "' and '" + names[i] + "'");
  }
  if (gaps > most) remarks.push_back("and " + std::to_string(gaps - most) + " more gaps in the numbering");
  return remarks;
}

}  // namespace fibflow::io
