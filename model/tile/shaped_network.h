#pragma once

// Internal to model/: the network once the slice's size is known. Integer subgraphs are evaluated, every
// feature map has a size, and each operation can say which part of its input a part of its output needs.

#include <string>
#include <variant>
#include <vector>

#include "model/onnx/graph.h"
#include "model/region.h"
#include "model/statistics/counted_area.h"

namespace fibflow::model {

/// One axis of a feature map: its size, and where pixel i lies in the image: offset + stride * i (pixel
/// centres).
struct Axis {
  int size = 0;
  double stride = 1;
  double offset = 0;
};

struct Feature {
  std::string name;
  int channels = 0;
  Axis y;
  Axis x;

  Region extent() const { return {{0, y.size}, {0, x.size}}; }
};

struct Activation {
  enum class Kind { none, relu, leaky_relu, elu, prelu, sigmoid, tanh, clip, hard_sigmoid, hard_swish };
  Kind kind = Kind::none;
  float a = 0;                ///< slope, alpha, lower bound
  float b = 0;                ///< upper bound, beta
  std::vector<float> slopes;  ///< prelu: [channels]
};

/// A window that slides along one axis.
struct Window {
  int kernel = 1;
  int stride = 1;
  int dilation = 1;
  int pad_begin = 0;
  int pad_end = 0;

  int span() const { return (kernel - 1) * dilation + 1; }
  friend auto operator<=>(const Window&, const Window&) = default;
};

struct ConvolutionOp {
  Constant weights;         ///< [out, in / groups, kernel y, kernel x]
  std::vector<float> bias;  ///< [out], or empty
  int groups = 1;
  Window y;
  Window x;
  int batch_norm = -1;  ///< the BatchNorm that reads the result, and nothing else does; -1 if there is none
  Activation activation;
};

/// The transposed convolution: window.stride is the step between the outputs of neighbouring inputs.
struct DeconvolutionOp {
  Constant weights;  ///< [in, out / groups, kernel y, kernel x]
  std::vector<float> bias;
  int groups = 1;
  Window y;
  Window x;
  int batch_norm = -1;
  Activation activation;
};

struct NormalizeOp {
  int batch_norm = -1;
  Activation activation;
};

struct ActivationOp {
  Activation activation;
};

/// x * scale + shift, per channel.
struct AffineOp {
  std::vector<float> scale;
  std::vector<float> shift;
};

/// Two feature maps, one of which may have a single channel that serves all.
struct BinaryOp {
  enum class Kind { add, subtract, multiply };
  Kind kind = Kind::add;
};

struct PoolOp {
  bool maximum = true;
  bool count_padding = false;  ///< average: divide by the window, not by what of it lies in the image
  Window y;
  Window x;
};

/// One axis of a Resize: which inputs make output o, out = (1 - weight) * in[first] + weight * in[second].
struct ResizeAxis {
  enum class Coordinates { half_pixel, pytorch_half_pixel, align_corners, asymmetric };
  enum class Nearest { round_prefer_floor, round_prefer_ceil, floor, ceil };
  bool linear = false;
  Coordinates coordinates = Coordinates::half_pixel;
  Nearest nearest = Nearest::floor;
  double scale = 1;
  int in = 0;
  int out = 0;

  struct Tap {
    int first = 0;
    int second = 0;
    float weight = 0;
  };
  Tap tap(int o) const;
};

struct ResizeOp {
  ResizeAxis y;
  ResizeAxis x;
};

struct ConcatOp {};

/// Output pixel i is input pixel i - before; before < 0 cuts off.
struct PadOp {
  enum class Mode { constant, reflect, edge };
  Mode mode = Mode::constant;
  float value = 0;
  int before_y = 0;
  int before_x = 0;

  /// The input pixel for output pixel o, or -1 for the constant.
  static int source(Mode mode, int o, int before, int size);
};

/// Channels first, first + 1, … of the input.
struct ChannelsOp {
  int first = 0;
};

/// Over the channels.
struct SoftmaxOp {};

struct Operation {
  std::string label;        ///< of the ONNX node
  std::vector<int> inputs;  ///< features
  int output = 0;           ///< feature
  std::variant<ConvolutionOp, DeconvolutionOp, NormalizeOp, ActivationOp, AffineOp, BinaryOp, PoolOp,
               ResizeOp, ConcatOp, PadOp, ChannelsOp, SoftmaxOp>
      what;
};

/// Which pixels of a tile's share of a feature count in moments, row by row. Relative to the share.
struct CountedShare {
  std::vector<int> first;  ///< [rows of the share] the runs of row y are runs[first[y]], …, runs[last[y] - 1]
  std::vector<int> last;
  std::vector<Interval> runs;  ///< columns; ascending and apart from each other within a row
  long long pixels = 0;
};

class ShapedNetwork {
 public:
  /// Whose sizes have to fit: while one axis is searched, the other one does not matter.
  enum class Axes { both, y, x };

  /// The network for images of exactly this size. Throws NodeError, SizeMisfit if another size might do.
  ShapedNetwork(const Network::Graph& graph, int height, int width, Axes axes = Axes::both);

  /// The network for the smallest extension of the slice that fits; see extension().
  static ShapedNetwork fit(const Network::Graph& graph, int height, int width);

  /// The network for a slice that is extended by so many rows and columns. Throws NodeError if that does not
  /// fit.
  static ShapedNetwork extended(const Network::Graph& graph, int height, int width, int rows, int columns);

  struct Extension {
    int top = 0, bottom = 0, left = 0, right = 0;
  };
  const Extension& extension() const { return extension_; }
  int slice_height() const { return input().y.size - extension_.top - extension_.bottom; }
  int slice_width() const { return input().x.size - extension_.left - extension_.right; }

  const std::vector<Feature>& features() const { return features_; }
  const std::vector<Operation>& operations() const { return operations_; }  ///< in an order that can be run
  const Feature& input() const { return features_.front(); }
  const Feature& output() const { return features_[static_cast<std::size_t>(output_)]; }
  int output_index() const { return output_; }
  Network::Output output_kind() const;

  /// Which operation normalizes with BatchNorm b.
  int operation_of_batch_norm(int b) const { return batch_norm_operation_[static_cast<std::size_t>(b)]; }

  /// Cores that begin at multiples of this, in slice pixels, are congruent away from the borders.
  int alignment() const;
  int receptive_field_radius() const;

  /// Where slice pixel y (or x) lies in the output feature.
  Region output_region(const Region& core) const;

  /// The part of a feature that a tile counts in statistics: the parts of all cores of a partition of the
  /// slice are a partition of the feature (without what only the extension added, but for one pixel if that is all).
  Region share(const Feature& feature, const Region& core) const;

  /// Which pixels of share(feature, core) count; the area is the slice's.
  CountedShare counted_share(const Feature& feature, const Region& core, const CountedArea& area) const;

  /// The feature that BatchNorm b normalizes.
  const Feature& input_of_batch_norm(int b) const {
    const Operation& op = operations_[static_cast<std::size_t>(operation_of_batch_norm(b))];
    return features_[static_cast<std::size_t>(op.output)];
  }

  /// The part of every feature that a tile computes: what its core's output needs and its shares.
  std::vector<Region> regions(const Region& core, bool with_shares) const;

 private:
  friend class Lowering;
  std::vector<Feature> features_;
  std::vector<Operation> operations_;
  std::vector<int> batch_norm_operation_;
  int output_ = 0;
  Extension extension_;
};

/// The part of input number i that the operation needs for this part of its output.
Region needed(const Operation& operation, const Feature& input, const Region& output);

}  // namespace fibflow::model
