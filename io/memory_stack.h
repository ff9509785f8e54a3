#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "io/stack.h"

namespace fibflow::io {

/// A stack that is in memory, or that is made slice by slice when it is asked for: what an embedder feeds a run with.
class MemoryStack : public Stack {
 public:
  using MakeSlice = std::function<Slice(std::int64_t z)>;

  /// Slices z = 0, 1, …, whatever their own z is. Throws std::invalid_argument if there are none, or they differ in size or
  /// type.
  MemoryStack(std::string path, std::vector<Slice> slices);

  /// `make` gives slice z, of info's size and type; it is called from the thread that reads, once for each read.
  MemoryStack(StackInfo info, MakeSlice make);

  const StackInfo& info() const override { return info_; }

  /// Throws std::out_of_range for a slice that is not there, and whatever `make` throws.
  Slice read(std::int64_t z) override;

 private:
  StackInfo info_;
  MakeSlice make_;
};

}  // namespace fibflow::io
