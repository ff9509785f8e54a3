#pragma once

#include <compare>
#include <cstdint>

namespace fibflow::io {

/// Half-open range of indices along one axis: begin, begin + 1, …, end - 1.
struct Interval {
  std::int64_t begin = 0;
  std::int64_t end = 0;

  std::int64_t size() const { return end - begin; }
  friend auto operator<=>(const Interval&, const Interval&) = default;
};

/// A rectangle of voxels of one slice.
struct Region {
  Interval y;
  Interval x;

  friend auto operator<=>(const Region&, const Region&) = default;
};

}  // namespace fibflow::io
