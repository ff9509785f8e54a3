#include "pipeline/pictures/canvas.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>

namespace fibflow::pipeline {
namespace {

/// Seven rows from the top, the leftmost pixel in bit 4.
using Glyph = std::array<std::uint8_t, 7>;

const std::map<char, Glyph>& glyphs() {
  static const std::map<char, Glyph> all{
      {'0', {14, 17, 19, 21, 25, 17, 14}}, {'1', {4, 12, 4, 4, 4, 4, 14}},
      {'2', {14, 17, 1, 2, 4, 8, 31}},     {'3', {31, 2, 4, 2, 1, 17, 14}},
      {'4', {2, 6, 10, 18, 31, 2, 2}},     {'5', {31, 16, 30, 1, 1, 17, 14}},
      {'6', {6, 8, 16, 30, 17, 17, 14}},   {'7', {31, 1, 2, 4, 8, 8, 8}},
      {'8', {14, 17, 17, 14, 17, 17, 14}}, {'9', {14, 17, 17, 15, 1, 2, 12}},
      {'.', {0, 0, 0, 0, 0, 12, 12}},      {',', {0, 0, 0, 0, 12, 4, 8}},
      {'-', {0, 0, 0, 31, 0, 0, 0}},       {'%', {24, 25, 2, 4, 8, 19, 3}},
      {'(', {2, 4, 8, 8, 8, 4, 2}},        {')', {8, 4, 2, 2, 2, 4, 8}},
      {'I', {14, 4, 4, 4, 4, 4, 14}},      {'O', {14, 17, 17, 17, 17, 17, 14}},
      {'R', {30, 17, 17, 30, 20, 18, 17}}, {':', {0, 12, 12, 0, 12, 12, 0}},
      {'=', {0, 0, 31, 0, 31, 0, 0}},      {'U', {17, 17, 17, 17, 17, 17, 14}},
      {'a', {0, 0, 14, 1, 15, 17, 15}},    {'b', {16, 16, 22, 25, 17, 17, 30}},
      {'c', {0, 0, 14, 16, 16, 17, 14}},   {'d', {1, 1, 13, 19, 17, 17, 15}},
      {'e', {0, 0, 14, 17, 31, 16, 14}},   {'f', {6, 9, 8, 28, 8, 8, 8}},
      {'g', {0, 15, 17, 17, 15, 1, 14}},   {'h', {16, 16, 22, 25, 17, 17, 17}},
      {'i', {4, 0, 12, 4, 4, 4, 14}},      {'j', {2, 0, 6, 2, 2, 18, 12}},
      {'k', {16, 16, 18, 20, 24, 20, 18}}, {'l', {12, 4, 4, 4, 4, 4, 14}},
      {'m', {0, 0, 26, 21, 21, 17, 17}},   {'n', {0, 0, 22, 25, 17, 17, 17}},
      {'o', {0, 0, 14, 17, 17, 17, 14}},   {'p', {0, 0, 30, 17, 30, 16, 16}},
      {'q', {0, 0, 13, 19, 15, 1, 1}},     {'r', {0, 0, 22, 25, 16, 16, 16}},
      {'s', {0, 0, 14, 16, 14, 1, 30}},    {'t', {8, 8, 28, 8, 8, 9, 6}},
      {'u', {0, 0, 17, 17, 17, 19, 13}},   {'v', {0, 0, 17, 17, 17, 10, 4}},
      {'w', {0, 0, 17, 17, 21, 21, 10}},   {'x', {0, 0, 17, 10, 4, 10, 17}},
      {'y', {0, 0, 17, 17, 15, 1, 14}},    {'z', {0, 0, 31, 2, 4, 8, 31}}};
  return all;
}

}  // namespace

Canvas::Canvas(int width, int height, Color ground)
    : width_(width),
      height_(height),
      pixels_(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3) {
  for (std::size_t i = 0; i < pixels_.size(); ++i) pixels_[i] = ground[i % 3];
}

void Canvas::dot(int x, int y, Color color) {
  if (x < 0 || x >= width_ || y < 0 || y >= height_) return;
  const std::size_t at =
      3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) + static_cast<std::size_t>(x));
  std::copy(color.begin(), color.end(), pixels_.begin() + static_cast<std::ptrdiff_t>(at));
}

void Canvas::line(double x0, double y0, double x1, double y1, Color color, int thickness) {
  const int steps = std::max(1, static_cast<int>(std::ceil(std::max(std::abs(x1 - x0), std::abs(y1 - y0)))));
  for (int i = 0; i <= steps; ++i) {
    const double share = static_cast<double>(i) / steps;
    const int x = static_cast<int>(std::lround(x0 + share * (x1 - x0)));
    const int y = static_cast<int>(std::lround(y0 + share * (y1 - y0)));
    for (int b = 0; b < thickness; ++b) {
      for (int a = 0; a < thickness; ++a) dot(x + a - thickness / 2, y + b - thickness / 2, color);
    }
  }
}

void Canvas::text(int x, int y, std::string_view text, Color color, int magnified) {
  for (const char c : text) {
    const auto found = glyphs().find(c);
    for (int i = 0; found != glyphs().end() && i < 7 * magnified; ++i) {
      for (int j = 0; j < 5 * magnified; ++j) {
        const int row = found->second[static_cast<std::size_t>(i / magnified)];
        if (((row >> (4 - j / magnified)) & 1) != 0) dot(x + j, y + i, color);
      }
    }
    x += 6 * magnified;
  }
}

int Canvas::text_width(std::string_view text, int magnified) {
  return static_cast<int>(text.size()) * 6 * magnified;
}

}  // namespace fibflow::pipeline
