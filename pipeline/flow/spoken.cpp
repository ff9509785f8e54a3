#include "pipeline/flow/spoken.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>

namespace fibflow::pipeline {

std::string formatted(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  va_list again;
  va_copy(again, arguments);
  const int length = std::vsnprintf(nullptr, 0, format, arguments);
  va_end(arguments);
  std::string text(static_cast<std::size_t>(std::max(length, 0)) + 1, '\0');
  std::vsnprintf(text.data(), text.size(), format, again);
  va_end(again);
  text.pop_back();
  return text;
}

std::string spoken_memory(std::size_t bytes) {
  const double mebibytes = static_cast<double>(bytes) / (1 << 20);
  char text[32];
  if (mebibytes < 1024) {
    std::snprintf(text, sizeof text, "%.0f MiB", mebibytes);
  } else {
    std::snprintf(text, sizeof text, "%.2f GiB", mebibytes / 1024);
  }
  return text;
}

std::string spoken_duration(std::chrono::duration<double> duration) {
  const auto seconds = static_cast<long long>(std::llround(std::max(0.0, duration.count())));
  char text[64];
  if (seconds < 60) {
    std::snprintf(text, sizeof text, "%lld s", seconds);
  } else if (seconds < 3600) {
    std::snprintf(text, sizeof text, "%lld min %02lld s", seconds / 60, seconds % 60);
  } else {
    std::snprintf(text, sizeof text, "%lld h %02lld min", seconds / 3600, seconds % 3600 / 60);
  }
  return text;
}

}  // namespace fibflow::pipeline
