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

/// Rows and columns at the edges of a slice.
struct Margins {
  int top = 0;
  int bottom = 0;
  int left = 0;
  int right = 0;

  bool empty() const { return top == 0 && bottom == 0 && left == 0 && right == 0; }
  /// What they leave of a slice; empty if nothing is left.
  Region within(int height, int width) const {
    return {{top, std::int64_t{height} - bottom}, {left, std::int64_t{width} - right}};
  }
  friend auto operator<=>(const Margins&, const Margins&) = default;
};

}  // namespace fibflow::io
