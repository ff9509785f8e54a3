#pragma once

#include <cstdint>
#include <map>

#include "io/stack.h"

namespace fibflow::io {

/// What is left of a stack's slices. Throws std::invalid_argument that names the stack if nothing is, or a margin is negative.
Region kept_of(const StackInfo& info, const Margins& crop);

/// A stack without its edges, with a voxel size that its user knows better, and with slices that have their neighbours. The
/// stack outlives it.
class StackView : public Stack {
 public:
  /// crop: is cut off every slice; voxel_nm: replaces what is not 0 in it; neighbours: of each slice, with itself, where at
  /// the ends of the stack the last slice stands for those that are not there. Throws std::invalid_argument if nothing is left,
  /// a margin is negative, or the neighbours are no odd number.
  StackView(Stack& stack, const Margins& crop, const VoxelSize& voxel_nm = {}, int neighbours = 1);

  const StackInfo& info() const override { return info_; }
  std::vector<std::string> files() const override { return stack_.files(); }
  Slice read(std::int64_t z) override;
  Slice read_region(std::int64_t z, const Region& region) override;
  void require_readable(const Interval& slices) const override { stack_.require_readable(slices); }
  Interval cheap_together(std::int64_t z) const override { return stack_.cheap_together(z); }

 private:
  Slice read_one(std::int64_t z, const Region& region);

  Stack& stack_;
  Region kept_;
  StackInfo info_;
  int neighbours_;
  std::map<std::int64_t, Slice> recent_;  // whole slices that the next one needs, too
};

}  // namespace fibflow::io
