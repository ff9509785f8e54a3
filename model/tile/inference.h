#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "model/onnx/network.h"
#include "model/region.h"
#include "model/statistics/counted_area.h"
#include "model/statistics/statistics.h"

namespace fibflow::model {

/// Memory that one worker computes in: activations, reused from layer to layer, and from tile to tile.
/// Not thread-safe: one worker, one workspace.
class Workspace {
 public:
  Workspace();
  ~Workspace();
  Workspace(Workspace&&) noexcept;
  Workspace& operator=(Workspace&&) noexcept;

  /// Grows to at least this many bytes (64-byte aligned); what it held is lost when it grows.
  void reserve(std::size_t bytes);
  float* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  float* data_ = nullptr;
  std::size_t size_ = 0;
};

/// The network's weights, in the layout the kernels read. Immutable and shared between plans.
class Weights;

/// What is computed for a BatchNorm layer while a tile runs.
enum class PlanKind {
  frozen,    ///< nothing: the statistics are folded into the convolutions
  measured,  ///< normalized with statistics given for each run; moments of the layer's input are taken
};

/// The recipe for computing one tile: which part of every feature map is needed for its core, and the
/// primitives that compute it. Every part is exactly as large as the core needs, cut at the slice's borders
/// as the whole slice is, so the core equals the whole slice's result. All members are const and may run in
/// parallel, one workspace each.
class TilePlan {
 public:
  virtual ~TilePlan() = default;

  /// What has to be in input(): [input_channels, height, width] of the slice; it may stick out of the slice,
  /// where the caller mirrors it (without repeating the border pixel).
  virtual Region input_region() const = 0;
  virtual Region core() const = 0;
  virtual PlanKind kind() const = 0;
  virtual std::size_t workspace_bytes() const = 0;
  virtual double multiply_adds() const = 0;

  /// Where the caller writes the input, dense float [input_channels, height, width]; reserves the workspace.
  virtual std::span<float> input(Workspace& workspace) const = 0;

  /// Computes the tile. frozen: statistics and moments must be null (they are in the weights). measured: each
  /// layer is normalized with statistics; moments, if not null, is replaced by the moments of each layer's
  /// input over this tile's share of the layer: shares of all tiles of a slice make up the layer exactly
  /// once. counted, if not null, is the part of the slice that counts in moments; a layer of which nothing counts
  /// then gets a count of 0. It changes nothing but moments.
  virtual void run(Workspace& workspace, const Weights& weights, const Statistics* statistics,
                   Moments* moments, const CountedArea* counted = nullptr) const = 0;

  /// The same, stopping at each layer so that many tiles can be normalized with the moments of all of them
  /// (`batch`). A plan has batch_norms().size() + 1 stages. Stage s normalizes layer s - 1 with used (null
  /// for stage 0), computes on, and replaces measured by this tile's moments of layer s (null for the last
  /// stage).
  virtual int stages() const = 0;
  virtual void run_stage(int stage, Workspace& workspace, const Weights& weights, const LayerStatistics* used,
                         LayerMoments* measured, const CountedArea* counted = nullptr) const = 0;

  /// How many pixels of each BatchNorm layer's input count in this tile's share.
  virtual std::vector<long long> counted_pixels(const CountedArea& counted) const = 0;

  /// The result for the core after run() or the last stage: dense float [output_channels, core height, core
  /// width].
  virtual void read_output(const Workspace& workspace, std::span<float> output) const = 0;
};

/// A network made ready for slices of one size. Immutable for callers; every member may be called in
/// parallel.
class Inference {
 public:
  /// Throws ModelError that names the node if the network cannot take slices of this size even when they are
  /// extended by mirroring to the next size that fits.
  Inference(Network network, int height, int width);

  /// The same with a given number of rows and columns more instead of the smallest that fits.
  Inference(Network network, int height, int width, int more_rows, int more_columns);

  const Network& network() const;
  int height() const;
  int width() const;

  /// How far the slice is extended (mirrored, then cut off again) because the network needs certain sizes or
  /// makes the image smaller.
  struct Extension {
    int top = 0, bottom = 0, left = 0, right = 0;
  };
  Extension extension() const;

  /// Tiles whose core begins at multiples of this are congruent in the slice's interior and share their
  /// primitives.
  int alignment() const;

  /// The plan for one tile. core must lie in the slice. Congruent tiles share one compiled plan.
  std::shared_ptr<const TilePlan> plan(const Region& core, PlanKind kind) const;

  /// What plan() would need, without compiling it.
  struct Cost {
    std::size_t workspace_bytes = 0;
    double multiply_adds = 0;
  };
  Cost cost(const Region& core, PlanKind kind) const;

  /// Weights for measured plans; made once.
  std::shared_ptr<const Weights> weights() const;

  /// Weights with the statistics folded in, for frozen plans; each call makes a new copy of the weights.
  std::shared_ptr<const Weights> freeze(const Statistics& statistics) const;

  /// Bytes of one copy of the weights.
  std::size_t weights_bytes() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace fibflow::model
