#pragma once

#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "io/stack.h"

namespace fibflow::testing {

template <typename T>
constexpr io::PixelType pixel_type() {
  if constexpr (std::is_same_v<T, std::uint8_t>) return io::PixelType::u8;
  if constexpr (std::is_same_v<T, std::uint16_t>) return io::PixelType::u16;
  if constexpr (std::is_same_v<T, float>) return io::PixelType::f32;
}

template <typename T>
io::Slice make_slice(std::int64_t z, int height, int width, const T* voxels) {
  const std::size_t bytes = static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * sizeof(T);
  std::shared_ptr<std::byte[]> copy(new std::byte[bytes]);
  std::memcpy(copy.get(), voxels, bytes);
  return io::Slice(z, height, width, pixel_type<T>(), std::move(copy));
}

/// A stack of voxels in memory, in z, y, x order.
template <typename T>
class MemoryStack : public io::Stack {
 public:
  MemoryStack(std::string path, std::int64_t depth, int height, int width, std::vector<T> all)
      : voxels(std::move(all)) {
    info_.path = std::move(path);
    info_.depth = depth;
    info_.height = height;
    info_.width = width;
    info_.type = pixel_type<T>();
    if (voxels.size() != static_cast<std::size_t>(depth * height * width))
      throw std::logic_error("voxels are missing");
  }

  const io::StackInfo& info() const override { return info_; }

  io::Slice read(std::int64_t z) override {
    const std::int64_t per_slice = static_cast<std::int64_t>(info_.height) * info_.width;
    return make_slice(z, info_.height, info_.width, voxels.data() + z * per_slice);
  }

  std::vector<T> voxels;

 private:
  io::StackInfo info_;
};

/// `count` values from those given, by a fixed seed.
template <typename T>
std::vector<T> random_voxels(std::size_t count, const std::vector<T>& values, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<T> voxels(count);
  for (T& voxel : voxels) voxel = values[random() % values.size()];
  return voxels;
}

}  // namespace fibflow::testing
