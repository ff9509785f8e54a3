#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace fibflow::pipeline {

using Color = std::array<std::uint8_t, 3>;

/// A picture to draw plain plots on. What lies outside of it is not drawn.
class Canvas {
 public:
  Canvas(int width, int height, Color ground);

  int width() const { return width_; }
  int height() const { return height_; }
  const std::vector<std::uint8_t>& pixels() const { return pixels_; }  ///< RGB, rows top to bottom

  void line(double x0, double y0, double x1, double y1, Color color, int thickness = 1);

  /// Letters of 5 x 7 pixels, magnified; digits, small letters, "IORU" and " .,:=-%()" have a shape, others are blank.
  /// The place is that of the upper left corner.
  void text(int x, int y, std::string_view text, Color color, int magnified = 2);
  static int text_width(std::string_view text, int magnified = 2);

 private:
  void dot(int x, int y, Color color);

  int width_;
  int height_;
  std::vector<std::uint8_t> pixels_;
};

}  // namespace fibflow::pipeline
