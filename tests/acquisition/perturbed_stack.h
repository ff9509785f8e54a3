#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/stack.h"

namespace fibflow::testing {

/// How a stack is lengthened and changed. Equal values make equal slices.
struct Perturbation {
  std::int64_t slices = 500;
  int height = 0;  ///< of a window in the middle; 0: the whole slice
  int width = 0;
  unsigned seed = 1;    ///< of the drift's phases
  double strength = 1;  ///< of the drift: 1 is what a long acquisition shows, 0 is none
};

/// A stack of 8-bit slices, played forth and back and mirrored in turn until it has the wanted depth, as an
/// acquisition whose brightness, contrast and focus wander slowly over z. Every slice can be read alone, in any
/// order, with the same voxels.
class PerturbedStack : public io::Stack {
 public:
  /// Throws std::invalid_argument if the source is not 8-bit or smaller than the window.
  PerturbedStack(std::unique_ptr<io::Stack> source, Perturbation perturbation);

  const io::StackInfo& info() const override { return info_; }
  io::Slice read(std::int64_t z) override;

 private:
  std::unique_ptr<io::Stack> source_;
  Perturbation perturbation_;
  io::StackInfo info_;
};

/// What a path says, or a phantom of `depth` 128 x 128 slices for "phantom:chemical" and "phantom:cryo".
std::unique_ptr<io::Stack> open_source(const std::string& path, std::int64_t depth);

/// Of the voxels: 16 hexadecimal digits (FNV-1a).
std::string hash_of(const io::Slice& slice);

}  // namespace fibflow::testing
