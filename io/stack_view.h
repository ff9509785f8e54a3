#pragma once

#include "io/stack.h"

namespace fibflow::io {

/// A stack without its edges, and with a voxel size that its user knows better. The stack outlives it.
class StackView : public Stack {
 public:
  /// crop: is cut off every slice; voxel_nm: replaces what is not 0 in it. Throws std::invalid_argument if nothing is left, or a
  /// margin is negative.
  StackView(Stack& stack, const Margins& crop, const VoxelSize& voxel_nm = {});

  const StackInfo& info() const override { return info_; }
  std::vector<std::string> files() const override { return stack_.files(); }
  Slice read(std::int64_t z) override;
  Slice read_region(std::int64_t z, const Region& region) override;
  void require_readable(const Interval& slices) const override { stack_.require_readable(slices); }
  Interval cheap_together(std::int64_t z) const override { return stack_.cheap_together(z); }

 private:
  Stack& stack_;
  Region kept_;
  StackInfo info_;
};

}  // namespace fibflow::io
