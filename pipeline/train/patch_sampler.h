#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "nodes/intensity/augmenter.h"
#include "nodes/tiles/parallel_loop.h"
#include "pipeline/train/labelled_slices.h"

namespace fibflow::pipeline {

/// Which patches are trained on.
struct PatchOptions {
  int patch = 256;  ///< height and width, in pixels; at most the slice's
  int batch = 8;    ///< patches
  /// Share of patches with a foreground voxel near their centre: of a class drawn among those there are, and
  /// then any voxel of it. The others are drawn evenly over the stack. More of it finds rare foreground, but
  /// the network then sees too little of what is none, and BatchNorm too little of the stack as it is.
  double foreground_share = 0.25;
  nodes::Augmentation augmentation;
  std::uint64_t seed = 1;
};

/// Makes batches of patches. The batch of an iteration depends on the options, the slices and the iteration's
/// number only. Not thread-safe.
class PatchSampler {
 public:
  /// slices outlive the sampler, and have foreground. Throws std::invalid_argument if the options are outside
  /// their ranges or a patch is larger than the slices.
  PatchSampler(LabelledSlices& slices, const nodes::Affine& affine, const PatchOptions& options,
               nodes::ParallelLoop loop);

  /// images and classes: [batch, patch, patch].
  void draw(std::int64_t iteration, std::span<float> images, std::span<std::uint8_t> classes);

 private:
  struct Drawn {
    std::int64_t slice = 0;
    int of_class = 0;       // 0: anywhere
    std::int64_t rank = 0;  // of the voxel among those of its class in the slice
  };
  Drawn draw_slice(nodes::Random& random) const;
  nodes::PatchPlace place(const Drawn& drawn, const io::Slice& classes, nodes::Random& random) const;

  LabelledSlices& slices_;
  nodes::Affine affine_;
  PatchOptions options_;
  nodes::ParallelLoop loop_;
  nodes::Augmenter augmenter_;
  std::vector<int> foreground_;  // the classes that there are
};

}  // namespace fibflow::pipeline
