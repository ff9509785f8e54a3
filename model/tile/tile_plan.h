#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "model/engine/workspace.h"
#include "model/kinds.h"
#include "model/region.h"
#include "model/statistics/statistics.h"

namespace fibflow::model {

class CompiledTile;
class CountedArea;
class ShapedNetwork;
class Weights;
struct CountedShare;

/// The recipe for computing one tile: which part of every feature map is needed for its core, and the
/// primitives that compute it. Every part is exactly as large as the core needs, cut at the slice's borders
/// as the whole slice is, so the core equals the whole slice's result. All members are const and may run in
/// parallel, one workspace each.
class TilePlan final {
 public:
  /// Inference::plan() makes them.
  TilePlan(std::shared_ptr<const ShapedNetwork> net, std::shared_ptr<const CompiledTile> tile,
           const Region& core);

  /// What has to be in input(): [input_channels, height, width] of the slice; it may stick out of the slice,
  /// where the caller mirrors it (without repeating the border pixel).
  Region input_region() const { return input_; }
  Region core() const { return core_; }
  PlanKind kind() const;
  std::size_t workspace_bytes() const;
  double multiply_adds() const;

  /// Where the caller writes the input, dense float [input_channels, height, width]; reserves the workspace.
  std::span<float> input(Workspace& workspace) const;

  /// Computes the tile. frozen: statistics and moments must be null (they are in the weights). measured: each
  /// layer is normalized with statistics; moments, if not null, is replaced by the moments of each layer's
  /// input over this tile's share of the layer: shares of all tiles of a slice make up the layer exactly
  /// once. counted, if not null, is the part of the slice that counts in moments; a layer of which nothing counts
  /// then gets a count of 0. It changes nothing but moments.
  void run(Workspace& workspace, const Weights& weights, const Statistics* statistics, Moments* moments,
           const CountedArea* counted = nullptr) const;

  /// The same, stopping at each layer so that many tiles can be normalized with the moments of all of them
  /// (`batch`). A plan has batch_norms().size() + 1 stages. Stage s normalizes layer s - 1 with used (null
  /// for stage 0), computes on, and replaces measured by this tile's moments of layer s (null for the last
  /// stage).
  int stages() const { return layers() + 1; }
  void run_stage(int stage, Workspace& workspace, const Weights& weights, const LayerStatistics* used,
                 LayerMoments* measured, const CountedArea* counted = nullptr) const;

  /// How many pixels of each BatchNorm layer's input count in this tile's share.
  std::vector<long long> counted_pixels(const CountedArea& counted) const;

  /// The result for the core after run() or the last stage: dense float [output_channels, core height, core
  /// width].
  void read_output(const Workspace& workspace, std::span<float> output) const;

 private:
  int layers() const;
  CountedShare share(int layer, const CountedArea& counted) const;
  void check(const Workspace& workspace) const;

  std::shared_ptr<const ShapedNetwork> net_;
  std::shared_ptr<const CompiledTile> tile_;
  Region input_;
  Region core_;
};

}  // namespace fibflow::model
