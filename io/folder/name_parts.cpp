#include "io/folder/name_parts.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "io/folder/natural_order.h"

namespace fibflow::io {
namespace {

constexpr std::string_view digits = "0123456789";

std::size_t digits_from(std::string_view text, std::size_t at) {
  return std::min(text.find_first_not_of(digits, at), text.size());
}

/// Two digits at a place, at most `most`, and then no other digit; empty if they are not there.
std::string_view two_digits(std::string_view text, std::size_t at, int most) {
  if (at > text.size() || digits_from(text, at) - at != 2) return {};
  const int value = 10 * (text[at] - '0') + (text[at + 1] - '0');
  return value <= most ? text.substr(at, 2) : std::string_view();
}

bool is_date(std::string_view eight) {
  return (eight.starts_with("19") || eight.starts_with("20")) && eight.substr(4, 2) >= "01" &&
         eight.substr(4, 2) <= "12" && eight.substr(6, 2) >= "01" && eight.substr(6, 2) <= "31";
}

/// A time of day from a place on: its digits, and where it ends.
std::optional<std::pair<std::string, std::size_t>> time_of_day_at(std::string_view text, std::size_t at) {
  if (at >= text.size()) return std::nullopt;
  std::string value;
  std::size_t end = digits_from(text, at);
  if (end - at == 6 && is_time_of_day(text.substr(at, 6))) {
    value = text.substr(at, 6);
  } else {
    const auto hours = two_digits(text, at, 23);
    const auto minutes = two_digits(text, at + 3, 59);
    const auto seconds = two_digits(text, at + 6, 59);
    if (hours.empty() || minutes.empty() || seconds.empty()) return std::nullopt;
    if (std::string_view("-_.:hH").find(text[at + 2]) == std::string_view::npos ||
        std::string_view("-_.:mM").find(text[at + 5]) == std::string_view::npos) {
      return std::nullopt;
    }
    value.append(hours).append(minutes).append(seconds);
    end = at + 8;
  }
  if (end < text.size() && text[end] == '.' && digits_from(text, end + 1) > end + 1) {
    const std::size_t fraction_end = digits_from(text, end + 1);
    value += text.substr(end, fraction_end - end);
    end = fraction_end;
  }
  return std::pair(value, end);
}

/// A date at the beginning of a run of digits, with the time of day if it follows, or all of it in one run.
std::optional<std::pair<std::string, std::size_t>> time_at(std::string_view text, std::size_t at) {
  const std::size_t length = digits_from(text, at) - at;
  if (length == 14 && is_date(text.substr(at, 8)) && is_time_of_day(text.substr(at + 8, 6))) {
    return std::pair(std::string(text.substr(at, 14)), at + 14);
  }
  std::string value;
  std::size_t end = at + length;
  if (length == 4 && end < text.size() && std::string_view("-_.").find(text[end]) != std::string_view::npos) {
    const auto month = two_digits(text, end + 1, 12);
    const auto day = two_digits(text, end + 4, 31);
    if (month.empty() || day.empty() || text[end + 3] != text[end]) return std::nullopt;
    value.append(text.substr(at, 4)).append(month).append(day);
    end += 6;
  } else if (length == 8) {
    value = text.substr(at, 8);
  } else {
    return std::nullopt;
  }
  if (!is_date(value)) return std::nullopt;
  const bool separated =
      end < text.size() && std::string_view("_-. T").find(text[end]) != std::string_view::npos;
  const auto time = separated ? time_of_day_at(text, end + 1) : std::nullopt;
  // Eight digits by themselves may be any number.
  if (!time) return length == 4 ? std::optional(std::pair(value, end)) : std::nullopt;
  return std::pair(value + time->first, time->second);
}

}  // namespace

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_time_of_day(std::string_view six) {
  return six.substr(0, 2) <= "23" && six.substr(2, 2) <= "59" && six.substr(4, 2) <= "59";
}

ParsedName parse_name(std::string_view text, bool decimals) {
  ParsedName name;
  for (std::size_t at = 0; at < text.size();) {
    if (!is_digit(text[at])) {
      name.text += text[at];
      ++at;
      continue;
    }
    NameNumber number;
    std::size_t end = digits_from(text, at);
    if (const auto time = time_at(text, at)) {
      number.value = time->first;
      number.is_time = true;
      end = time->second;
    } else {
      if (decimals) {
        const std::size_t fraction_end =
            end < text.size() && text[end] == '.' ? digits_from(text, end + 1) : end;
        const bool is_decimal = fraction_end > end + 1 &&
                                (fraction_end == text.size() || text[fraction_end] != '.') &&
                                !(at > 0 && text[at - 1] == '.');
        if (is_decimal) end = fraction_end;
      }
      number.value = text.substr(at, end - at);
    }
    number.shown = text.substr(at, end - at);
    const bool is_negative = decimals && !number.is_time &&
                             (name.text.ends_with("=-") || name.text.ends_with("_-") || name.text == "-");
    if (is_negative) {
      name.text.pop_back();
      number.value.insert(0, 1, '-');
      number.shown.insert(0, 1, '-');
    }
    name.text += name_mark;
    name.numbers.push_back(std::move(number));
    at = end;
  }
  return name;
}

double value_of(const std::string& number) {
  return std::strtod(number.c_str(), nullptr);
}

int compare_numbers(const std::string& a, const std::string& b) {
  const auto is_whole = [](const std::string& number) {
    return number.find_first_of(".-") == std::string::npos;
  };
  if (is_whole(a) && is_whole(b)) return natural_compare(a, b);
  const double left = value_of(a);
  const double right = value_of(b);
  return left < right ? -1 : left > right ? 1 : 0;
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  constexpr std::int64_t largest = 1'000'000'000'000'000;
  const bool whole = !text.empty() && std::ranges::all_of(text, is_digit);
  return whole && error == std::errc() && number < largest ? std::optional(number) : std::nullopt;
}

double unit_at(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 5> units = {
      {{"nm", 1}, {"um", 1e3}, {"\xc2\xb5m", 1e3}, {"\xce\xbcm", 1e3}, {"mm", 1e6}}};
  for (const auto& [name, nm] : units) {
    const bool ends =
        text.size() == name.size() ||
        (text.size() > name.size() && !std::isalpha(static_cast<unsigned char>(text[name.size()])));
    if (text.starts_with(name) && ends) return nm;
  }
  return 0;
}

}  // namespace fibflow::io
