#include "pipeline/report/page/html.h"

#include <cmath>
#include <cstdio>

namespace fibflow::pipeline {

std::string html(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7f) {
          result += "\uFFFD";
        } else {
          result += c;
        }
    }
  }
  return result;
}

std::string isolated(std::string_view text) {
  return "<bdi>" + html(text) + "</bdi>";
}

std::string short_number(double value) {
  char text[32];
  const double size = std::abs(value);
  if (size < 1e15 && (size >= 100 || value == std::floor(value))) {
    std::snprintf(text, sizeof text, "%.0f", value);
  } else {
    std::snprintf(text, sizeof text, "%.3g", value);
  }
  return text;
}

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, share > 0 && share < 0.001 ? "%.2g %%" : "%.1f %%", 100 * share);
  return text;
}

std::string duration(double seconds) {
  const auto whole = static_cast<long long>(std::llround(seconds));
  if (seconds > 0 && seconds < 0.1) return short_number(1000 * seconds) + " ms";
  if (whole < 60) return short_number(seconds) + " s";
  if (whole < 3600) return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
  const long long minutes = (whole + 30) / 60;
  return std::to_string(minutes / 60) + " h " + std::to_string(minutes % 60) + " min";
}

std::string coordinate(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4f", value);
  std::string result = text;
  result.erase(result.find_last_not_of('0') + 1);
  if (result.ends_with('.')) result.pop_back();
  return result == "-0" ? "0" : result;
}

}  // namespace fibflow::pipeline
