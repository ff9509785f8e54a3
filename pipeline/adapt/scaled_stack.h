#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/stack.h"
#include "nodes/scale/scaler.h"

namespace fibflow::pipeline {

/// What a stack is on the grid that a network sees.
io::StackInfo on_grid(io::StackInfo stack, const nodes::GridSize& grid);

/// A stack on the grid that a network sees, with the gray levels that it knows. The stack outlives it.
class ScaledStack : public io::Stack {
 public:
  ScaledStack(io::Stack& stack, nodes::Scaler scaler)
      : stack_(stack), scaler_(std::move(scaler)), info_(on_grid(stack.info(), scaler_.to_network().to())) {}

  const io::StackInfo& info() const override { return info_; }
  std::vector<std::string> files() const override { return stack_.files(); }
  /// Throws nodes::BadSlice beside what the stack's own does.
  io::Slice read(std::int64_t z) override { return scaler_(stack_.read(z)); }
  io::Slice read_region(std::int64_t z, const io::Region& region) override;
  void require_readable(const io::Interval& slices) const override { stack_.require_readable(slices); }
  io::Interval cheap_together(std::int64_t z) const override { return stack_.cheap_together(z); }

 private:
  io::Stack& stack_;
  nodes::Scaler scaler_;
  io::StackInfo info_;
};

}  // namespace fibflow::pipeline
