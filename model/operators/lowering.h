#pragma once

// Internal to model/: how a graph's nodes become a ShapedNetwork's operations.

#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/tile/shaped_network.h"

namespace fibflow::model {

constexpr int largest_side = 1 << 20;
constexpr int most_channels = 1 << 16;

/// Sizes travel as ints from here on: what does not fit one is wrong or hostile.
int small(const Node& node, std::int64_t v, std::int64_t lowest, std::int64_t highest, const char* what);

/// Reads a graph's nodes one after the other and fills a ShapedNetwork.
class Lowering {
 public:
  using Axes = ShapedNetwork::Axes;

  Lowering(const Network::Graph& graph, int height, int width, Axes axes, ShapedNetwork& net);

  void run();

 private:
  using Handler = void (Lowering::*)(const Node&);
  using Ints = std::vector<std::int64_t>;

  bool same_size(const Feature& a, const Feature& b) const {
    return (axes_ == Axes::x || a.y.size == b.y.size) && (axes_ == Axes::y || a.x.size == b.x.size);
  }

  [[noreturn]] void refuse_output() const;
  void lower(const Node& node);
  static std::string unsupported(const std::string& op);
  bool reads_pixels(const Node& node) const;

  // Values and maps by their names.
  const Constant* constant(const std::string& name) const;
  const Constant* constant_input(const Node& node, std::size_t i) const;
  Ints ints_input(const Node& node, std::size_t i, const char* what) const;
  void compute(const Node& node);
  int feature_index(const Node& node, std::size_t i) const;
  const Feature& feature(const Node& node, std::size_t i) const;

  template <typename Op>
  void add(const Node& node, std::vector<int> inputs, Feature out, Op op, const std::string& name) {
    if (out.y.size <= 0 || out.x.size <= 0) throw SizeMisfit(node, "nothing is left of an image this small");
    small(node, out.y.size, 1, largest_side, "height");
    small(node, out.x.size, 1, largest_side, "width");
    small(node, out.channels, 1, most_channels, "number of channels");
    out.name = name;
    const auto index = static_cast<int>(net_.features_.size());
    net_.features_.push_back(std::move(out));
    net_.operations_.push_back({node.label(), std::move(inputs), index, std::move(op)});
    feature_of_[name] = index;
  }

  template <typename Op>
  void add(const Node& node, std::vector<int> inputs, Feature out, Op op) {
    add(node, std::move(inputs), std::move(out), std::move(op), node.outputs.at(0));
  }

  /// The operation whose result this node alone reads, so that both can be done at once; nullptr if there is
  /// none.
  Operation* sole_producer(const Node& node);
  /// Gives the result of an operation the name of the node that was merged into it.
  void rename(const Node& node, int index);

  // Layers with a window: lowering_windows.cpp.
  Window window(const Node& node, int axis, std::int64_t kernel, int size);
  static Axis slid(const Axis& in, const Window& w, int size);
  /// [out or in, in or out, ky, kx] of the weights, checked.
  Constant weights(const Node& node);
  std::vector<float> bias(const Node& node, int channels);
  void conv(const Node& node);
  void conv_transpose(const Node& node);
  /// Outputs that no input reaches (gaps between strides, output padding) hold the bias alone: a kernel with
  /// zeros at its end reaches them, and needs no special case later.
  static void fill_gaps(DeconvolutionOp& op, int more_y, int more_x);
  void pool(const Node& node);
  void resize(const Node& node);

  // BatchNorm and activations, merged with the layer before where nobody else reads that.
  void batch_norm(const Node& node);
  Activation read_activation(const Node& node, const Feature& in);
  void activation(const Node& node);

  /// Exporters before opset 13 move the channels to the last axis for a Softmax, and back again.
  void transpose(const Node& node);
  void softmax(const Node& node);
  void expand(const Node& node);
  /// The result is the input, under another name.
  void alias(const Node& node);

  // Pixel by pixel, and what moves, cuts and joins maps.
  void concat(const Node& node);
  /// One value per channel from a constant that is broadcast over the pixels.
  std::vector<float> per_channel(const Node& node, const Constant& c, int channels);
  void binary(const Node& node);
  void affine(const Node& node, bool first_is_constant);
  void negate(const Node& node);
  void pad(const Node& node);
  void shift(const Node& node, const PadOp& op, int after_y, int after_x);
  void slice(const Node& node);
  void take_channels(const Node& node, const std::string& name, int first, int last);
  void split(const Node& node);
  void identity(const Node& node);
  void shape(const Node& node);

  const Network::Graph& graph_;
  const Axes axes_;
  ShapedNetwork& net_;
  std::map<std::string, int> readers_;
  std::unordered_map<std::string, int> feature_of_;
  std::unordered_map<std::string, Constant> values_;
  struct View {
    int feature = 0;
    Ints perm;
  };
  std::unordered_map<std::string, View> channels_last_;
};

}  // namespace fibflow::model
