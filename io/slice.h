#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "io/region.h"

namespace fibflow::io {

/// How one voxel's intensity is stored.
enum class PixelType { u8, u16, f32 };

inline constexpr PixelType all_pixel_types[] = {PixelType::u8, PixelType::u16, PixelType::f32};

/// Bytes of one voxel: 1, 2 or 4.
std::size_t bytes_per_voxel(PixelType type);

/// "u8", "u16" or "f32".
const char* name_of(PixelType type);
/// The inverse; throws std::invalid_argument.
PixelType pixel_type_named(std::string_view name);

/// The size of a voxel in nanometres; 0 where it is not known.
struct VoxelSize {
  double z = 0;
  double y = 0;
  double x = 0;

  /// The same with what another one knows, where it is not 0.
  VoxelSize replaced_by(const VoxelSize& better) const {
    return {better.z > 0 ? better.z : z, better.y > 0 ? better.y : y, better.x > 0 ? better.x : x};
  }
};

/// One z plane of a stack: [height, width], rows top to bottom, no padding between rows, native byte order.
/// An immutable handle: copies share the voxels, and every member may be called in parallel.
class Slice {
 public:
  Slice() = default;

  /// Takes the voxels over. Throws std::invalid_argument if a size is not positive or voxels is null.
  Slice(std::int64_t z, int height, int width, PixelType type, std::shared_ptr<const std::byte[]> voxels);

  std::int64_t z() const { return z_; }
  int height() const { return height_; }
  int width() const { return width_; }
  PixelType type() const { return type_; }
  std::size_t size_bytes() const;
  const std::byte* data() const { return voxels_.get(); }

  /// The same voxels as another slice of the stack; nothing is copied.
  Slice at(std::int64_t z) const;

  /// A copy of a rectangle of the voxels, as a slice of its own. Throws std::invalid_argument if the region is empty or sticks
  /// out.
  Slice part(const Region& region) const;

  /// The same voxels with slices of the same size and type below and above, in z order: an odd number, this one in the middle.
  /// They stay with at() and part(). Throws std::invalid_argument.
  Slice among(std::vector<Slice> slices) const;
  /// One of them, from 0 on; the slice itself if it stands alone. Throws std::out_of_range.
  const Slice& neighbour(std::size_t index) const;
  /// How many there are with it: 1 if it stands alone.
  std::size_t neighbours() const { return around_ ? around_->size() : 1; }

  /// The opposite: a copy with margins around it, whose voxels are 0.
  Slice within(const Margins& margins) const;

  /// The voxels as T (std::uint8_t, std::uint16_t or float). Throws std::logic_error if T is not the type.
  template <typename T>
  std::span<const T> as() const;

 private:
  std::int64_t z_ = 0;
  int height_ = 0;
  int width_ = 0;
  PixelType type_ = PixelType::u8;
  std::shared_ptr<const std::byte[]> voxels_;
  std::shared_ptr<const std::vector<Slice>> around_;  // none of which has neighbours of its own
};

}  // namespace fibflow::io
