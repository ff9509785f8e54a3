#include "pipeline/pictures/preview.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "io/png/png.h"

namespace fibflow::pipeline {
namespace {

std::size_t pixel(int row, int column, int width) {
  return static_cast<std::size_t>(row) * static_cast<std::size_t>(width) + static_cast<std::size_t>(column);
}

template <typename T>
void cut(const Mosaic& mosaic, const io::Slice& slice, std::vector<float>& out) {
  const auto voxels = slice.as<T>();
  for (std::size_t a = 0; a < mosaic.areas.size(); ++a) {
    const model::Region& area = mosaic.areas[a];
    for (int y = 0; y < area.height(); ++y) {
      for (int x = 0; x < area.width(); ++x) {
        out[pixel(mosaic.top[a] + y, mosaic.left[a] + x, mosaic.width)] =
            static_cast<float>(voxels[pixel(area.y.begin + y, area.x.begin + x, slice.width())]);
      }
    }
  }
}

std::string base64(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (k < count ? bytes[i + k] : 0U);
    for (std::size_t k = 0; k < 4; ++k) text += k <= count ? digits[group >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

}  // namespace

Mosaic::Mosaic(const std::vector<model::Region>& parts) : areas(parts) {
  int cell_height = 0;
  int cell_width = 0;
  for (const model::Region& area : areas) {
    cell_height = std::max(cell_height, area.height());
    cell_width = std::max(cell_width, area.width());
  }
  const auto count = static_cast<int>(areas.size());
  const int columns = static_cast<int>(std::ceil(std::sqrt(static_cast<double>(count))));
  for (int i = 0; i < count; ++i) {
    top.push_back(i / columns * cell_height);
    left.push_back(i % columns * cell_width);
  }
  height = (count + columns - 1) / columns * cell_height;
  width = columns * cell_width;
}

std::vector<float> cut_mosaic(const Mosaic& mosaic, const io::Slice& slice) {
  std::vector<float> pixels(pixel(mosaic.height, 0, mosaic.width));
  switch (slice.type()) {
    case io::PixelType::u8:
      cut<std::uint8_t>(mosaic, slice, pixels);
      break;
    case io::PixelType::u16:
      cut<std::uint16_t>(mosaic, slice, pixels);
      break;
    case io::PixelType::f32:
      cut<float>(mosaic, slice, pixels);
      break;
  }
  return pixels;
}

SmallPicture averaged_down(const std::vector<float>& pixels, int height, int width) {
  const int step = (std::max(height, width) - 1) / Preview::longest_side + 1;
  SmallPicture small{(height - 1) / step + 1, (width - 1) / step + 1, {}};
  for (int i = 0; i < small.height; ++i) {
    for (int j = 0; j < small.width; ++j) {
      double sum = 0;
      const int bottom = std::min(height, (i + 1) * step);
      const int right = std::min(width, (j + 1) * step);
      for (int y = i * step; y < bottom; ++y) {
        for (int x = j * step; x < right; ++x) sum += static_cast<double>(pixels[pixel(y, x, width)]);
      }
      small.pixels.push_back(static_cast<float>(sum / ((bottom - i * step) * (right - j * step))));
    }
  }
  return small;
}

std::vector<std::uint8_t> gray_levels(const std::vector<float>& values, float low, float high) {
  const float range = high - low;
  std::vector<std::uint8_t> gray(values.size());
  std::transform(values.begin(), values.end(), gray.begin(), [&](float value) {
    const float share = range > 0 ? (value - low) / range : 0.5F;
    return static_cast<std::uint8_t>(std::lround(255 * std::clamp(share, 0.0F, 1.0F)));
  });
  return gray;
}

std::pair<float, float> display_range(std::vector<float> values) {
  const auto quantile = [&values](double share) {
    const auto place =
        values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), place, values.end());
    return *place;
  };
  const float low = quantile(0.005);
  return {low, quantile(0.995)};
}

std::string png_data_url(int height, int width, const std::vector<std::uint8_t>& pixels) {
  return "data:image/png;base64," + base64(io::encode_png(width, height, 1, pixels));
}

EncodedPreview encoded(const Preview& preview) {
  const auto url = [&](const std::vector<std::uint8_t>& pixels) {
    return png_data_url(preview.height, preview.width, pixels);
  };
  return {preview.z,
          preview.height,
          preview.width,
          url(preview.image),
          url(preview.source_mask),
          url(preview.mask),
          url(preview.probability),
          url(preview.disagreement)};
}

}  // namespace fibflow::pipeline
