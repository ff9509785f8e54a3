#pragma once

#include <cstddef>
#include <cstdint>

#include "io/stack.h"
#include "model/statistics/estimator.h"
#include "model/tile/network.h"
#include "nodes/intensity/normalizer.h"
#include "nodes/tiles/tile_grid.h"
#include "pipeline/flow/run_context.h"
#include "pipeline/flow/thread_team.h"
#include "pipeline/options/options.h"

namespace fibflow::pipeline {

/// The first pass of `two-pass`: Algorithm 1 over patches of the whole stack, as in the paper.
///
/// Each slice is cut into patches of about 256 x 256 pixels (equal parts of a size that the network's strides
/// divide, so that no pixel is left out or counted twice); each patch is an image of its own, that the
/// network pads as it pads any image. Patches come in a shuffled order with a fixed seed, in batches of 8
/// (the last one may be smaller). The shuffle goes over all slices, or over windows of randomly chosen slices
/// of 32 megapixels together where a stack is larger than that, so that memory stays bounded. None of it
/// depends on threads or memory.
struct PatchAdaptation {
  NormalizeBy normalize_by = NormalizeBy::batch;
  double source_share = 0.25;  ///< when normalized by running statistics
  std::size_t memory = 0;      ///< budget of the process, in bytes

  static constexpr int patch = 256;
  static constexpr int batch = 8;
  static constexpr std::int64_t window_pixels = std::int64_t{32} << 20;
  static constexpr std::uint64_t seed = 20220901;
};

/// The patches of a slice.
nodes::TileGrid patch_grid(int height, int width, const model::Network& network);

/// Memory for this pass, in bytes: with as many workers as there are patches in a batch, and the least that
/// works.
struct PatchMemory {
  std::size_t fixed = 0;   ///< process, weights, the window of slices
  std::size_t worker = 0;  ///< for each worker
  std::size_t smallest() const { return fixed + worker; }
};
PatchMemory patch_memory(const model::Network& network, const io::StackInfo& info, std::int64_t slices);

/// Throws BudgetTooSmall if a budget (bytes) does not do.
void require_patch_memory(const PatchMemory& memory, std::size_t budget);

/// Updates the estimator with every batch. Throws BudgetTooSmall if the memory does not do.
void adapt_over_patches(io::Stack& stack, SliceRange range, const nodes::Normalizer& normalizer,
                        const model::Network& network, const PatchAdaptation& adaptation,
                        model::Estimator& estimator, ThreadTeam& team, RunContext& run);

}  // namespace fibflow::pipeline
