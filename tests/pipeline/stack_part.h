#pragma once

#include <cstdint>

#include "io/stack.h"

namespace fibflow::testing {

/// The first slices of a stack.
class StackPart : public io::Stack {
 public:
  StackPart(io::Stack& stack, std::int64_t depth) : stack_(stack), info_(stack.info()) {
    info_.depth = depth;
  }

  const io::StackInfo& info() const override { return info_; }
  io::Slice read(std::int64_t z) override { return stack_.read(z); }

 private:
  io::Stack& stack_;
  io::StackInfo info_;
};

}  // namespace fibflow::testing
