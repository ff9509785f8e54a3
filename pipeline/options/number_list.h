#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

namespace fibflow::pipeline {

/// "8,4,4.5": numbers with commas between them and nothing else, in the C notation. Nothing if the text is not that, or has more
/// than `most`.
template <typename Number>
std::optional<std::vector<Number>> number_list(std::string_view text, std::size_t most) {
  std::vector<Number> numbers;
  while (numbers.size() < most) {
    const std::string_view one = text.substr(0, text.find(','));
    Number number = 0;
    const auto [end, error] = std::from_chars(one.data(), one.data() + one.size(), number);
    if (error != std::errc() || end != one.data() + one.size()) return std::nullopt;
    numbers.push_back(number);
    if (one.size() == text.size()) return numbers;
    text.remove_prefix(one.size() + 1);
  }
  return std::nullopt;
}

}  // namespace fibflow::pipeline
