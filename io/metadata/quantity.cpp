#include "io/metadata/quantity.h"

#include <charconv>
#include <cmath>
#include <map>

namespace fibflow::io {

std::string trimmed(const std::string& text) {
  constexpr const char* blanks = " \t\r\n\f\v";
  const auto begin = text.find_first_not_of(blanks);
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

std::optional<double> number_of(const std::string& text) {
  const std::string bare = trimmed(text);
  double value = 0;
  const char* begin = bare.data() + (!bare.empty() && bare[0] == '+' ? 1 : 0);
  const auto [end, error] = std::from_chars(begin, bare.data() + bare.size(), value);
  if (error != std::errc() || !std::isfinite(value)) return std::nullopt;
  return value;
}

double nanometres_of(const std::string& unit) {
  static const std::map<std::string, double> units = {
      {"pm", 1e-3},
      {"\xc3\x85", 0.1},
      {"\xe2\x84\xab", 0.1},
      {"angstrom", 0.1},
      {"nm", 1},
      {"nanometer", 1},
      {"nanometre", 1},
      {"nanometers", 1},
      {"nanometres", 1},
      {"um", 1e3},
      {"\xc2\xb5m", 1e3},
      {"\xce\xbcm", 1e3},
      {"\xb5m", 1e3},
      {"\\u00b5m", 1e3},
      {"\\u03bcm", 1e3},
      {"micron", 1e3},
      {"microns", 1e3},
      {"micrometer", 1e3},
      {"micrometre", 1e3},
      {"micrometers", 1e3},
      {"micrometres", 1e3},
      {"mm", 1e6},
      {"millimeter", 1e6},
      {"millimetre", 1e6},
      {"cm", 1e7},
      {"centimeter", 1e7},
      {"centimetre", 1e7},
      {"m", 1e9},
      {"meter", 1e9},
      {"metre", 1e9},
      {"in", 25.4e6},
      {"inch", 25.4e6},
      {"inches", 25.4e6},
      {"fm", 1e-6},
  };
  std::string key = trimmed(unit);
  for (char& c : key) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  const auto found = units.find(key);
  return found == units.end() ? 0 : found->second;
}

}  // namespace fibflow::io
