#pragma once

// Internal to model/.

#include <algorithm>
#include <cstddef>

#include "model/engine/workspace.h"

namespace fibflow::model {

/// Floats aligned as kernels want them, zero at first. Not thread-safe for those who write.
class AlignedFloats {
 public:
  explicit AlignedFloats(std::size_t size = 0) : size_(size) {
    memory_.reserve(size * sizeof(float));
    std::fill_n(memory_.data(), size, 0.0F);
  }

  float* data() const { return memory_.data(); }
  std::size_t size() const { return size_; }

 private:
  Workspace memory_;
  std::size_t size_ = 0;
};

}  // namespace fibflow::model
