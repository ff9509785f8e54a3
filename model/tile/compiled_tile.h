#pragma once

// Internal to model/: the steps that compute one tile, first as plain numbers (so that congruent tiles are
// recognized and costs are known without compiling), then with their primitives.

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "model/engine/kernels.h"
#include "model/engine/onednn.h"
#include "model/tile/inference.h"
#include "model/tile/shaped_network.h"

namespace fibflow::model {

/// A place in the workspace: floats from the beginning of a storage.
struct Place {
  int storage = 0;
  std::ptrdiff_t offset = 0;
  std::ptrdiff_t row = 0;  ///< as in View
  std::ptrdiff_t plane = 0;
};

struct ConvolutionStep {
  int op = 0;
  Convolution::Shape shape;
  Place from;  ///< dense
  Place to;    ///< dense
};

struct NormalizationStep {
  enum class Source { batch_norm, affine, identity };
  Source source = Source::identity;
  int op = 0;
  int batch_norm = -1;
  Place from;
  Place to;
  Span span;
  Region share;  ///< relative to the view
  bool activate = true;
};

struct PoolStep {
  int op = 0;
  Place from, to;
  Span span;
  bool maximum = true;
  std::vector<int> first_y, count_y, first_x, count_x;
  std::vector<float> weight_y, weight_x;
  int step_y = 1, step_x = 1;
};

struct ResizeStep {
  Place from, to;
  Span span;
  bool linear = false;
  std::vector<int> first_y, second_y, first_x, second_x;
  std::vector<float> weight_y, weight_x;
};

struct BinaryStep {
  BinaryOp::Kind kind = BinaryOp::Kind::add;
  Place a, b, to;
  bool a_single = false, b_single = false;
  Span span;
};

struct SoftmaxStep {
  Place from, to;
  Span span;
  int channels = 0;
};

struct PickStep {
  Place from, to;
  Span span;
  std::vector<int> y, x;
  float constant = 0;
};

struct DepthToSpaceStep {
  Place from, to;
  Span span;
  int sub_y = 1, sub_x = 1, first_y = 0, first_x = 0;
};

struct CopyStep {
  Place from, to;
  Span span;
};

struct CopyChannelsStep {
  Place from, to;
  int from_block = 1, to_block = 1, from_first = 0, to_first = 0, channels = 0, height = 0, width = 0;
  bool clear = false;  ///< zero the destination's lanes first
  int to_blocks = 0;
};

using Step = std::variant<ConvolutionStep, NormalizationStep, PoolStep, ResizeStep, BinaryStep, SoftmaxStep,
                          PickStep, DepthToSpaceStep, CopyStep, CopyChannelsStep>;

/// Everything about a tile that does not depend on where in the slice it lies.
struct TileSpec {
  PlanKind kind = PlanKind::frozen;
  std::vector<Step> steps;
  std::vector<std::ptrdiff_t> storage_offset;  ///< floats
  std::size_t workspace_floats = 0;            ///< without scratch
  std::vector<int> stage_end;  ///< index after the step that measures BatchNorm s (batch order)
  Place input, output;
  int input_height = 0, input_width = 0, input_channels = 0;
  int output_height = 0, output_width = 0, output_channels = 0, output_block = 1;
  double multiply_adds = 0;
  std::string key;  ///< equal for congruent tiles
};

TileSpec describe(const ShapedNetwork& net, const Region& core, PlanKind kind);

/// A spec with its primitives. Immutable; run() may be called in parallel.
class CompiledTile {
 public:
  CompiledTile(std::shared_ptr<const ShapedNetwork> net, Network network, TileSpec spec);

  const TileSpec& spec() const { return spec_; }
  std::size_t workspace_bytes() const { return (spec_.workspace_floats + scratch_floats_) * sizeof(float); }

  /// counted: of each BatchNorm's input, the part of this tile's share that counts; null: all of it.
  void run(float* workspace, const Weights& weights, const Statistics* statistics, Moments* moments,
           const std::vector<CountedShare>* counted) const;
  /// counted: of the layer that is measured.
  void run_stage(int stage, float* workspace, const Weights& weights, const LayerStatistics* used,
                 LayerMoments* measured, const CountedShare* counted) const;
  void read_output(const float* workspace, std::span<float> output) const;

 private:
  struct Runner;
  friend struct Runner;
  std::shared_ptr<const ShapedNetwork> net_;
  Network network_;
  TileSpec spec_;
  std::vector<std::unique_ptr<Convolution>> convolutions_;  // by step
  std::size_t scratch_floats_ = 0;
};

}  // namespace fibflow::model
