#include "io/slice.h"

#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

namespace fibflow::io {

std::size_t bytes_per_voxel(PixelType type) {
  switch (type) {
    case PixelType::u8:
      return 1;
    case PixelType::u16:
      return 2;
    case PixelType::f32:
      return 4;
  }
  throw std::logic_error("bytes_per_voxel: not a pixel type");
}

const char* name_of(PixelType type) {
  switch (type) {
    case PixelType::u8:
      return "u8";
    case PixelType::u16:
      return "u16";
    case PixelType::f32:
      return "f32";
  }
  throw std::logic_error("name_of: not a pixel type");
}

PixelType pixel_type_named(std::string_view name) {
  for (const PixelType type : all_pixel_types) {
    if (name == name_of(type)) return type;
  }
  throw std::invalid_argument("no voxels are called '" + std::string(name) + "'");
}

Slice::Slice(std::int64_t z, int height, int width, PixelType type, std::shared_ptr<const std::byte[]> voxels)
    : z_(z), height_(height), width_(width), type_(type), voxels_(std::move(voxels)) {
  if (height <= 0 || width <= 0) {
    throw std::invalid_argument("Slice: height " + std::to_string(height) + " and width " +
                                std::to_string(width) + " must be positive");
  }
  if (!voxels_) throw std::invalid_argument("Slice: voxels is null");
}

std::size_t Slice::size_bytes() const {
  return static_cast<std::size_t>(height_) * static_cast<std::size_t>(width_) * bytes_per_voxel(type_);
}

Slice Slice::at(std::int64_t z) const {
  Slice slice = *this;
  slice.z_ = z;
  return slice;
}

Slice Slice::among(std::vector<Slice> slices) const {
  for (Slice& slice : slices) {
    if (slice.height_ != height_ || slice.width_ != width_ || slice.type_ != type_)
      throw std::invalid_argument("Slice: a neighbour has another size or type");
    slice.around_.reset();
  }
  if (slices.size() % 2 == 0 || slices[slices.size() / 2].voxels_ != voxels_)
    throw std::invalid_argument("Slice: it is not in the middle of its neighbours");
  Slice slice = *this;
  slice.around_ = std::make_shared<const std::vector<Slice>>(std::move(slices));
  return slice;
}

const Slice& Slice::neighbour(std::size_t index) const {
  return around_ ? around_->at(index) : *this;
}

Slice Slice::within(const Margins& margins) const {
  if (margins.empty()) return *this;
  const std::size_t width = bytes_per_voxel(type_);
  const auto row = static_cast<std::size_t>(width_) * width;
  const int wide = margins.left + width_ + margins.right;
  const int high = margins.top + height_ + margins.bottom;
  const auto wide_row = static_cast<std::size_t>(wide) * width;
  const std::shared_ptr<std::byte[]> voxels(new std::byte[wide_row * static_cast<std::size_t>(high)]());
  for (int y = 0; y < height_; ++y) {
    std::memcpy(voxels.get() + static_cast<std::size_t>(margins.top + y) * wide_row +
                    static_cast<std::size_t>(margins.left) * width,
                voxels_.get() + static_cast<std::size_t>(y) * row, row);
  }
  return {z_, high, wide, type_, voxels};
}

Slice Slice::part(const Region& region) const {
  if (region.y.size() <= 0 || region.x.size() <= 0 || region.y.begin < 0 || region.x.begin < 0 ||
      region.y.end > height_ || region.x.end > width_) {
    throw std::invalid_argument("Slice: the part does not lie in it");
  }
  const std::size_t voxel = bytes_per_voxel(type_);
  const auto row = static_cast<std::size_t>(region.x.size()) * voxel;
  auto voxels = std::make_shared_for_overwrite<std::byte[]>(static_cast<std::size_t>(region.y.size()) * row);
  for (std::int64_t y = region.y.begin; y < region.y.end; ++y) {
    const auto from = static_cast<std::size_t>(y * width_ + region.x.begin) * voxel;
    std::memcpy(voxels.get() + static_cast<std::size_t>(y - region.y.begin) * row, data() + from, row);
  }
  Slice part(z_, static_cast<int>(region.y.size()), static_cast<int>(region.x.size()), type_,
             std::move(voxels));
  if (!around_) return part;
  std::vector<Slice> parts;
  const std::size_t middle = around_->size() / 2;
  for (std::size_t i = 0; i < around_->size(); ++i)
    parts.push_back(i == middle ? part : (*around_)[i].part(region));
  return part.among(std::move(parts));
}

namespace {

template <typename T>
constexpr PixelType type_of();
template <>
constexpr PixelType type_of<std::uint8_t>() {
  return PixelType::u8;
}
template <>
constexpr PixelType type_of<std::uint16_t>() {
  return PixelType::u16;
}
template <>
constexpr PixelType type_of<float>() {
  return PixelType::f32;
}

}  // namespace

template <typename T>
std::span<const T> Slice::as() const {
  if (type_ != type_of<T>()) {
    throw std::logic_error(std::string("Slice: holds ") + name_of(type_) + ", asked for " +
                           name_of(type_of<T>()));
  }
  // The voxels come from an allocation aligned for every fundamental type.
  return {reinterpret_cast<const T*>(voxels_.get()),
          static_cast<std::size_t>(height_) * static_cast<std::size_t>(width_)};
}

template std::span<const std::uint8_t> Slice::as<std::uint8_t>() const;
template std::span<const std::uint16_t> Slice::as<std::uint16_t>() const;
template std::span<const float> Slice::as<float>() const;

}  // namespace fibflow::io
