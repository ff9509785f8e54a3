#pragma once

#include <algorithm>
#include <compare>

namespace fibflow::model {

/// Half-open range of pixel indices along one axis: begin, begin + 1, …, end - 1.
struct Interval {
  int begin = 0;
  int end = 0;

  int size() const { return end - begin; }
  bool empty() const { return end <= begin; }
  bool contains(const Interval& other) const { return begin <= other.begin && other.end <= end; }
  friend auto operator<=>(const Interval&, const Interval&) = default;
};

/// The smallest interval that holds both; an empty one adds nothing.
inline Interval hull(const Interval& a, const Interval& b) {
  if (a.empty()) return b;
  if (b.empty()) return a;
  return {std::min(a.begin, b.begin), std::max(a.end, b.end)};
}

inline Interval intersection(const Interval& a, const Interval& b) {
  return {std::max(a.begin, b.begin), std::min(a.end, b.end)};
}

/// A rectangle of pixels of one slice or feature map.
struct Region {
  Interval y;
  Interval x;

  int height() const { return y.size(); }
  int width() const { return x.size(); }
  long long area() const { return empty() ? 0 : static_cast<long long>(height()) * width(); }
  bool empty() const { return y.empty() || x.empty(); }
  bool contains(const Region& other) const { return y.contains(other.y) && x.contains(other.x); }
  friend auto operator<=>(const Region&, const Region&) = default;
};

inline Region hull(const Region& a, const Region& b) {
  if (a.empty()) return b;
  if (b.empty()) return a;
  return {hull(a.y, b.y), hull(a.x, b.x)};
}

/// How far a slice is extended (mirrored, then cut off again), in pixels, because the network needs certain sizes or
/// makes the image smaller.
struct Extension {
  int top = 0, bottom = 0, left = 0, right = 0;
};

}  // namespace fibflow::model
