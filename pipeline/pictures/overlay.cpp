#include "pipeline/pictures/overlay.h"

#include <array>
#include <cstddef>

#include "pipeline/pictures/canvas.h"

namespace fibflow::pipeline {
namespace {

constexpr unsigned inside_alpha = 80;
constexpr unsigned outline_alpha = 255;

Color color_of(std::uint8_t label) {
  // Told apart by people with any kind of color vision, and from gray; the first one is the mask's of two classes.
  static constexpr std::array<Color, 6> colors = {
      {{0, 204, 255}, {230, 159, 0}, {0, 190, 130}, {240, 228, 66}, {213, 94, 0}, {204, 121, 167}}};
  return colors[label == 255 ? 0 : static_cast<std::size_t>(label - 1) % colors.size()];
}

/// Two pixels wide, so that it survives being shown smaller.
bool on_outline(const LivePicture& picture, int i, int j) {
  const auto at = [&](int y, int x) {
    return (*picture.mask)[static_cast<std::size_t>(y) * static_cast<std::size_t>(picture.width) +
                           static_cast<std::size_t>(x)];
  };
  const std::uint8_t own = at(i, j);
  for (const int d : {-2, -1, 1, 2}) {
    if (i + d >= 0 && i + d < picture.height && at(i + d, j) != own) return true;
    if (j + d >= 0 && j + d < picture.width && at(i, j + d) != own) return true;
  }
  return false;
}

}  // namespace

std::vector<std::uint8_t> mask_overlay(const LivePicture& picture) {
  std::vector<std::uint8_t> pixels(picture.mask->size() * 4);
  std::size_t at = 0;
  for (int i = 0; i < picture.height; ++i) {
    for (int j = 0; j < picture.width; ++j, ++at) {
      const std::uint8_t label = (*picture.mask)[at];
      if (label == 0) continue;
      const Color color = color_of(label);
      for (std::size_t c = 0; c < 3; ++c) pixels[4 * at + c] = color[c];
      pixels[4 * at + 3] =
          static_cast<std::uint8_t>(on_outline(picture, i, j) ? outline_alpha : inside_alpha);
    }
  }
  return pixels;
}

std::vector<std::uint8_t> overlaid(const LivePicture& picture) {
  const std::vector<std::uint8_t> overlay = mask_overlay(picture);
  std::vector<std::uint8_t> pixels(picture.image->size() * 3);
  for (std::size_t at = 0; at < picture.image->size(); ++at) {
    const unsigned alpha = overlay[4 * at + 3];
    const unsigned gray = (*picture.image)[at];
    for (std::size_t c = 0; c < 3; ++c) {
      pixels[3 * at + c] =
          static_cast<std::uint8_t>((overlay[4 * at + c] * alpha + gray * (255 - alpha) + 127) / 255);
    }
  }
  return pixels;
}

}  // namespace fibflow::pipeline
