#include "io/format.h"

#include <algorithm>
#include <filesystem>

namespace fibflow::io {
namespace {

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

}  // namespace

bool has_suffix(const Format& format, const std::string& path) {
  const std::string name = lower_case(path);
  return std::ranges::any_of(format.suffixes,
                             [&](const std::string& suffix) { return name.ends_with(suffix); });
}

std::string ending_of(const std::string& path) {
  return lower_case(std::filesystem::path(path).extension().string());
}

}  // namespace fibflow::io
