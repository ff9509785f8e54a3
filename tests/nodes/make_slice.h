#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>

#include "io/slice.h"

namespace fibflow::testing {

template <typename T>
constexpr io::PixelType pixel_type_of() {
  if constexpr (sizeof(T) == 1) return io::PixelType::u8;
  if constexpr (sizeof(T) == 2) return io::PixelType::u16;
  return io::PixelType::f32;
}

/// A slice whose voxel in row y and column x is value(y, x).
template <typename T>
io::Slice make_slice(std::int64_t z, int height, int width, const std::function<T(int, int)>& value) {
  const auto pixels = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  auto voxels = std::make_shared<std::byte[]>(pixels * sizeof(T));
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const T voxel = value(y, x);
      std::memcpy(voxels.get() + (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
                                  static_cast<std::size_t>(x)) *
                                     sizeof(T),
                  &voxel, sizeof(T));
    }
  }
  return io::Slice(z, height, width, pixel_type_of<T>(), std::move(voxels));
}

}  // namespace fibflow::testing
