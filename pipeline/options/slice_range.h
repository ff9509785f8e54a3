#pragma once

#include <cstdint>
#include <optional>

namespace fibflow::pipeline {

/// Slices [first, end) of a stack; without an end, up to its last one.
struct SliceRange {
  std::int64_t first = 0;
  std::optional<std::int64_t> end;

  /// The range with its end filled in. Throws std::invalid_argument if it is empty or reaches beyond the
  /// depth.
  SliceRange within(std::int64_t depth) const;

  /// The number of slices of a range that has its end.
  std::int64_t size() const { return end.value() - first; }
};

}  // namespace fibflow::pipeline
