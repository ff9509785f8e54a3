#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace fibflow::nodes {

/// How large the objects of a segmentation are in its slices, whatever their number: for each pixel of the foreground, the object
/// is what it is connected to by edges, and its diameter is that of a circle of the same area. The median over the pixels stands
/// firm against specks, and against objects that the border cuts.
class ObjectSize {
 public:
  /// labels: rows of `width` pixels; 0 is background.
  void add(std::span<const std::uint8_t> labels, int width);

  /// In pixels; nothing without foreground.
  std::optional<double> median_diameter() const;

 private:
  std::vector<std::int64_t> areas_;  // of objects
};

}  // namespace fibflow::nodes
