#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "model/shaped_network.h"

namespace fibflow::model {
namespace {

using Ints = std::vector<std::int64_t>;

constexpr int largest_side = 1 << 20;
constexpr int most_channels = 1 << 16;

/// Sizes travel as ints from here on: what does not fit one is wrong or hostile.
int small(const Node& node, std::int64_t v, std::int64_t lowest, std::int64_t highest, const char* what) {
  if (v < lowest || v > highest)
    throw NodeError(node, std::string("its ") + what + " is " + std::to_string(v));
  return static_cast<int>(v);
}

std::string size_text(const Feature& f) {
  return std::to_string(f.channels) + " x " + std::to_string(f.y.size) + " x " + std::to_string(f.x.size);
}

/// Of two descriptions of where pixels lie, the one on a whole grid: interpolation to a size blurs the other.
const Axis& cleaner(const Axis& a, const Axis& b) {
  const auto error = [](const Axis& v) { return std::abs(v.stride - std::round(v.stride)); };
  return error(b) + 1e-9 < error(a) ? b : a;
}

}  // namespace

/// Reads a graph's nodes one after the other and fills a ShapedNetwork.
class Lowering {
 public:
  using Axes = ShapedNetwork::Axes;

  Lowering(const Network::Graph& graph, int height, int width, Axes axes, ShapedNetwork& net)
      : graph_(graph), axes_(axes), net_(net) {
    for (const Node& node : graph.nodes) {
      if (node.op == "Shape") continue;  // reads no pixel
      for (const std::string& input : node.inputs) ++readers_[input];
    }
    ++readers_[graph.output];
    net_.batch_norm_operation_.assign(graph.batch_norms.size(), -1);
    Feature image;
    image.name = graph.input;
    image.channels = graph.input_channels;
    image.y.size = height;
    image.x.size = width;
    net_.features_.push_back(image);
    feature_of_[graph.input] = 0;
  }

  void run() {
    for (const Node& node : graph_.nodes) lower(node);
    const auto it = feature_of_.find(graph_.output);
    if (it == feature_of_.end()) refuse_output();
    net_.output_ = it->second;
    Feature& out = net_.features_[static_cast<std::size_t>(it->second)];
    const Feature& in = net_.features_.front();
    if (out.y.size == in.y.size && out.x.size == in.x.size) out.y = in.y, out.x = in.x;
    for (const Axis* axis : {&out.y, &out.x}) {
      if (std::abs(axis->stride - 1) > 0.05) {
        throw ModelError("its output '" + graph_.output +
                         "' is not at the resolution of the image (a step of " +
                         std::to_string(axis->stride) + " pixels)");
      }
    }
  }

 private:
  using Handler = void (Lowering::*)(const Node&);

  bool same_size(const Feature& a, const Feature& b) const {
    return (axes_ == Axes::x || a.y.size == b.y.size) && (axes_ == Axes::y || a.x.size == b.x.size);
  }

  [[noreturn]] void refuse_output() const {
    for (const Node& node : graph_.nodes) {
      if (std::ranges::find(node.outputs, graph_.output) != node.outputs.end()) {
        throw NodeError(node, "makes the output, which is not a map of pixels [N, C, H, W]");
      }
    }
    throw ModelError("its output '" + graph_.output + "' is not a map of pixels [N, C, H, W]");
  }

  void lower(const Node& node) {
    if (!reads_pixels(node)) return compute(node);
    static const std::map<std::string, Handler> handlers = {{"Conv", &Lowering::conv},
                                                            {"ConvTranspose", &Lowering::conv_transpose},
                                                            {"BatchNormalization", &Lowering::batch_norm},
                                                            {"Relu", &Lowering::activation},
                                                            {"LeakyRelu", &Lowering::activation},
                                                            {"Elu", &Lowering::activation},
                                                            {"PRelu", &Lowering::activation},
                                                            {"Sigmoid", &Lowering::activation},
                                                            {"Tanh", &Lowering::activation},
                                                            {"Clip", &Lowering::activation},
                                                            {"HardSigmoid", &Lowering::activation},
                                                            {"HardSwish", &Lowering::activation},
                                                            {"Softmax", &Lowering::softmax},
                                                            {"MaxPool", &Lowering::pool},
                                                            {"AveragePool", &Lowering::pool},
                                                            {"Resize", &Lowering::resize},
                                                            {"Upsample", &Lowering::resize},
                                                            {"Concat", &Lowering::concat},
                                                            {"Add", &Lowering::binary},
                                                            {"Sub", &Lowering::binary},
                                                            {"Mul", &Lowering::binary},
                                                            {"Div", &Lowering::binary},
                                                            {"Neg", &Lowering::negate},
                                                            {"Pad", &Lowering::pad},
                                                            {"Slice", &Lowering::slice},
                                                            {"Split", &Lowering::split},
                                                            {"Identity", &Lowering::identity},
                                                            {"Dropout", &Lowering::identity},
                                                            {"Cast", &Lowering::identity},
                                                            {"Shape", &Lowering::shape},
                                                            {"Expand", &Lowering::expand},
                                                            {"Transpose", &Lowering::transpose}};
    const auto it = handlers.find(node.op);
    if (it == handlers.end()) throw NodeError(node, unsupported(node.op));
    (this->*it->second)(node);
  }

  static std::string unsupported(const std::string& op) {
    if (op == "GlobalAveragePool" || op == "GlobalMaxPool" || op == "ReduceMean" ||
        op == "InstanceNormalization") {
      return "this operator sees the whole image at once, so that tiles could not equal the whole slice; it "
             "is not supported";
    }
    return "this operator is not supported";
  }

  bool reads_pixels(const Node& node) const {
    return std::ranges::any_of(node.inputs, [this](const std::string& s) {
      return feature_of_.contains(s) || channels_last_.contains(s);
    });
  }

  const Constant* constant(const std::string& name) const {
    if (const auto it = values_.find(name); it != values_.end()) return &it->second;
    if (const auto it = graph_.constants.find(name); it != graph_.constants.end()) return &it->second;
    return nullptr;
  }

  const Constant* constant_input(const Node& node, std::size_t i) const {
    return node.has_input(i) ? constant(node.inputs[i]) : nullptr;
  }

  Ints ints_input(const Node& node, std::size_t i, const char* what) const {
    const Constant* c = constant_input(node, i);
    if (c == nullptr || !c->integral)
      throw NodeError(node, std::string("its ") + what + " is not a known integer tensor");
    return c->ints;
  }

  void compute(const Node& node) {
    std::vector<const Constant*> operands;
    for (const std::string& input : node.inputs) {
      operands.push_back(input.empty() ? nullptr : constant(input));
      if (!input.empty() && operands.back() == nullptr)
        throw NodeError(node, "its input '" + input + "' is not known");
    }
    if (node.outputs.size() != 1) throw NodeError(node, "this operator is not supported on constants");
    values_[node.outputs[0]] = evaluate(node, operands, graph_.opset);
  }

  int feature_index(const Node& node, std::size_t i) const {
    const auto it = node.has_input(i) ? feature_of_.find(node.inputs[i]) : feature_of_.end();
    if (it == feature_of_.end())
      throw NodeError(node, "its input " + std::to_string(i) + " is not a map of pixels");
    return it->second;
  }

  const Feature& feature(const Node& node, std::size_t i) const {
    return net_.features_[static_cast<std::size_t>(feature_index(node, i))];
  }

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
  Operation* sole_producer(const Node& node) {
    const std::string& name = node.inputs.at(0);
    if (readers_[name] != 1 || net_.operations_.empty()) return nullptr;
    Operation& last = net_.operations_.back();
    return last.output == feature_of_.at(name) &&
                   net_.features_[static_cast<std::size_t>(last.output)].name == name
               ? &last
               : nullptr;
  }

  /// Gives the result of an operation the name of the node that was merged into it.
  void rename(const Node& node, int index) {
    net_.features_[static_cast<std::size_t>(index)].name = node.outputs.at(0);
    feature_of_[node.outputs.at(0)] = index;
  }

  Window window(const Node& node, int axis, std::int64_t kernel, int size) {
    const auto k = static_cast<std::size_t>(axis);
    const Ints strides = node.integers("strides", {1, 1});
    const Ints dilations = node.integers("dilations", {1, 1});
    Ints pads = node.integers("pads", {0, 0, 0, 0});
    if (strides.size() != 2 || dilations.size() != 2 || pads.size() != 4)
      throw NodeError(node, "is not two-dimensional");
    Window w;
    w.kernel = small(node, kernel, 1, 1024, "kernel size");
    w.stride = small(node, strides[k], 1, 1024, "stride");
    w.dilation = small(node, dilations[k], 1, 1024, "dilation");
    w.pad_begin = small(node, pads[k], 0, 65536, "padding");
    w.pad_end = small(node, pads[k + 2], 0, 65536, "padding");
    const std::string mode = node.text("auto_pad", "NOTSET");
    if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
      if (node.op == "ConvTranspose") throw NodeError(node, "auto_pad is not supported here");
      const int total = std::max(0, ((size + w.stride - 1) / w.stride - 1) * w.stride + w.span() - size);
      w.pad_begin = mode == "SAME_UPPER" ? total / 2 : total - total / 2;
      w.pad_end = total - w.pad_begin;
    } else if (mode == "VALID") {
      w.pad_begin = w.pad_end = 0;
    } else if (mode != "NOTSET") {
      throw NodeError(node, "auto_pad '" + mode + "' is not supported");
    }
    return w;
  }

  static Axis slid(const Axis& in, const Window& w, int size) {
    return {size, in.stride * w.stride, in.offset + in.stride * ((w.span() - 1) / 2.0 - w.pad_begin)};
  }

  /// [out or in, in or out, ky, kx] of the weights, checked.
  Constant weights(const Node& node) {
    const Constant* w = constant_input(node, 1);
    if (w == nullptr) throw NodeError(node, "its weights are not in the file");
    if (w->integral || w->dims.size() != 4)
      throw NodeError(node, "its weights are not [out, in, y, x] in float32");
    const Ints kernel = node.integers("kernel_shape", {w->dims[2], w->dims[3]});
    if (kernel.size() != 2 || kernel[0] != w->dims[2] || kernel[1] != w->dims[3])
      throw NodeError(node, "its kernel_shape differs from its weights");
    for (const std::int64_t d : w->dims) small(node, d, 1, most_channels, "weight shape");
    return *w;
  }

  std::vector<float> bias(const Node& node, int channels) {
    if (!node.has_input(2)) return {};
    const Constant* b = constant_input(node, 2);
    if (b == nullptr || b->integral || b->size() != channels)
      throw NodeError(node, "its bias does not have " + std::to_string(channels) + " values");
    return {b->floats.begin(), b->floats.end()};
  }

  void conv(const Node& node) {
    const Feature& in = feature(node, 0);
    ConvolutionOp op;
    op.weights = weights(node);
    op.groups = small(node, node.integer("group", 1), 1, most_channels, "group");
    const Ints& d = op.weights.dims;
    if (d[1] * op.groups != in.channels || d[0] % op.groups != 0) {
      throw NodeError(node, "its weights take " + std::to_string(d[1] * op.groups) +
                                " channels, but its input '" + in.name + "' has " +
                                std::to_string(in.channels));
    }
    op.bias = bias(node, static_cast<int>(d[0]));
    op.y = window(node, 0, d[2], in.y.size);
    op.x = window(node, 1, d[3], in.x.size);
    Feature out;
    out.channels = static_cast<int>(d[0]);
    const auto size = [&](const Axis& a, const Window& w) {
      const int room = a.size + w.pad_begin + w.pad_end - w.span();
      if (room < 0) throw SizeMisfit(node, "its kernel is larger than its input");
      return slid(a, w, room / w.stride + 1);
    };
    out.y = size(in.y, op.y);
    out.x = size(in.x, op.x);
    add(node, {feature_index(node, 0)}, out, std::move(op));
  }

  void conv_transpose(const Node& node) {
    const Feature& in = feature(node, 0);
    DeconvolutionOp op;
    op.weights = weights(node);
    op.groups = small(node, node.integer("group", 1), 1, most_channels, "group");
    const Ints& d = op.weights.dims;
    if (d[0] != in.channels || d[0] % op.groups != 0) {
      throw NodeError(node, "its weights take " + std::to_string(d[0]) + " channels, but its input '" +
                                in.name + "' has " + std::to_string(in.channels));
    }
    if (node.attributes.contains("output_shape")) throw NodeError(node, "output_shape is not supported");
    const auto channels = small(node, d[1] * op.groups, 1, most_channels, "number of channels");
    op.bias = bias(node, channels);
    op.y = window(node, 0, d[2], in.y.size);
    op.x = window(node, 1, d[3], in.x.size);
    const Ints extra = node.integers("output_padding", {0, 0});
    if (extra.size() != 2) throw NodeError(node, "is not two-dimensional");
    Feature out;
    out.channels = channels;
    const auto size = [&](const Axis& a, const Window& w, std::int64_t more) {
      small(node, more, 0, std::max(w.stride, w.dilation) - 1, "output padding");
      const int n = (a.size - 1) * w.stride - w.pad_begin - w.pad_end + w.span() + static_cast<int>(more);
      const double step = a.stride / w.stride;
      return Axis{n, step, a.offset + step * (w.pad_begin - (w.span() - 1) / 2.0)};
    };
    out.y = size(in.y, op.y, extra[0]);
    out.x = size(in.x, op.x, extra[1]);
    fill_gaps(op, static_cast<int>(extra[0]), static_cast<int>(extra[1]));
    add(node, {feature_index(node, 0)}, out, std::move(op));
  }

  /// Outputs that no input reaches (gaps between strides, output padding) hold the bias alone: a kernel with
  /// zeros at its end reaches them, and needs no special case later.
  static void fill_gaps(DeconvolutionOp& op, int more_y, int more_x) {
    const auto longer = [](const Window& w, int more) {
      const int beyond = std::max({0, more - w.pad_end, w.stride - w.span()});
      return (beyond + w.dilation - 1) / w.dilation;
    };
    const int zeros_y = longer(op.y, more_y);
    const int zeros_x = longer(op.x, more_x);
    if (zeros_y == 0 && zeros_x == 0) return;
    const Constant& old = op.weights;
    const auto ky = static_cast<std::size_t>(op.y.kernel);
    const auto kx = static_cast<std::size_t>(op.x.kernel);
    op.y.kernel += zeros_y;
    op.x.kernel += zeros_x;
    const auto new_y = static_cast<std::size_t>(op.y.kernel);
    const auto new_x = static_cast<std::size_t>(op.x.kernel);
    const auto maps = static_cast<std::size_t>(old.dims[0] * old.dims[1]);
    std::vector<float> values(maps * new_y * new_x, 0.0F);
    for (std::size_t m = 0; m < maps; ++m) {
      for (std::size_t y = 0; y < ky; ++y) {
        for (std::size_t x = 0; x < kx; ++x)
          values[(m * new_y + y) * new_x + x] = old.floats[(m * ky + y) * kx + x];
      }
    }
    op.weights = Constant::of_floats({old.dims[0], old.dims[1], op.y.kernel, op.x.kernel}, std::move(values));
  }

  void batch_norm(const Node& node) {
    const int index = graph_.batch_norm_of_node.at(node.outputs.at(0));
    const Feature in = feature(node, 0);
    const int channels = graph_.batch_norms[static_cast<std::size_t>(index)].channels;
    if (channels != in.channels) {
      throw NodeError(node, "normalizes " + std::to_string(channels) + " channels, but its input '" +
                                in.name + "' has " + std::to_string(in.channels));
    }
    if (Operation* producer = sole_producer(node)) {
      const auto merge = [&](auto* op) {
        if (op == nullptr || op->batch_norm >= 0 || op->activation.kind != Activation::Kind::none)
          return false;
        op->batch_norm = index;
        net_.batch_norm_operation_[static_cast<std::size_t>(index)] =
            static_cast<int>(net_.operations_.size()) - 1;
        rename(node, producer->output);
        return true;
      };
      if (merge(std::get_if<ConvolutionOp>(&producer->what)) ||
          merge(std::get_if<DeconvolutionOp>(&producer->what)))
        return;
    }
    net_.batch_norm_operation_[static_cast<std::size_t>(index)] = static_cast<int>(net_.operations_.size());
    add(node, {feature_index(node, 0)}, in, NormalizeOp{index, {}});
  }

  Activation read_activation(const Node& node, const Feature& in) {
    using Kind = Activation::Kind;
    Activation a;
    if (node.op == "Relu") a.kind = Kind::relu;
    if (node.op == "Sigmoid") a.kind = Kind::sigmoid;
    if (node.op == "Tanh") a.kind = Kind::tanh;
    if (node.op == "HardSwish") a.kind = Kind::hard_swish;
    if (node.op == "LeakyRelu") a = {Kind::leaky_relu, node.real("alpha", 0.01F), 0, {}};
    if (node.op == "Elu") a = {Kind::elu, node.real("alpha", 1), 0, {}};
    if (node.op == "HardSigmoid")
      a = {Kind::hard_sigmoid, node.real("alpha", 0.2F), node.real("beta", 0.5F), {}};
    if (node.op == "Clip") {
      const auto bound = [&](std::size_t i, float open) {
        if (!node.has_input(i)) return open;
        const Constant* c = constant_input(node, i);
        if (c == nullptr || c->size() != 1) throw NodeError(node, "its bounds are not known numbers");
        return static_cast<float>(c->at(0));
      };
      a = {Kind::clip,
           bound(1, -std::numeric_limits<float>::max()),
           bound(2, std::numeric_limits<float>::max()),
           {}};
    }
    if (node.op == "PRelu") {
      const Constant* slope = constant_input(node, 1);
      if (slope == nullptr || slope->integral || (slope->size() != 1 && slope->size() != in.channels))
        throw NodeError(node, "its slope does not fit its channels");
      a.kind = Kind::prelu;
      a.slopes.assign(static_cast<std::size_t>(in.channels), slope->floats[0]);
      if (slope->size() == in.channels) a.slopes.assign(slope->floats.begin(), slope->floats.end());
    }
    return a;
  }

  void activation(const Node& node) {
    const Feature in = feature(node, 0);
    Activation a = read_activation(node, in);
    if (Operation* producer = sole_producer(node)) {
      const auto merge = [&](auto* op) {
        if (op == nullptr || op->activation.kind != Activation::Kind::none) return false;
        op->activation = a;
        rename(node, producer->output);
        return true;
      };
      if (merge(std::get_if<ConvolutionOp>(&producer->what)) ||
          merge(std::get_if<DeconvolutionOp>(&producer->what)) ||
          merge(std::get_if<NormalizeOp>(&producer->what))) {
        return;
      }
    }
    add(node, {feature_index(node, 0)}, in, ActivationOp{std::move(a)});
  }

  /// Exporters before opset 13 move the channels to the last axis for a Softmax, and back again.
  void transpose(const Node& node) {
    static const Ints swapped = {0, 3, 2, 1};
    static const Ints last = {0, 2, 3, 1};
    static const Ints first = {0, 3, 1, 2};
    const Ints perm = node.integers("perm", {});
    const auto view = channels_last_.find(node.inputs.at(0));
    if (view == channels_last_.end() && feature_of_.contains(node.inputs[0]) &&
        (perm == swapped || perm == last)) {
      channels_last_[node.outputs.at(0)] = {feature_index(node, 0), perm};
      return;
    }
    if (view != channels_last_.end() && perm == (view->second.perm == swapped ? swapped : first)) {
      feature_of_[node.outputs.at(0)] = view->second.feature;
      return;
    }
    throw NodeError(node, "this order of axes is not supported");
  }

  void softmax(const Node& node) {
    std::int64_t axis = node.integer("axis", graph_.opset >= 13 ? -1 : 1);
    const auto view = channels_last_.find(node.inputs.at(0));
    if (view != channels_last_.end()) {
      if (axis != 3 && axis != -1) throw NodeError(node, "is not over the channels");
      const View from = view->second;
      const Feature in = net_.features_[static_cast<std::size_t>(from.feature)];
      add(node, {from.feature}, in, SoftmaxOp{});
      channels_last_[node.outputs.at(0)] = {feature_of_.at(node.outputs.at(0)), from.perm};
      feature_of_.erase(node.outputs.at(0));
      return;
    }
    const Feature in = feature(node, 0);
    if (axis != 1 && axis != -3) throw NodeError(node, "is not over the channels");
    // Before opset 13 axis 1 meant all axes from the channels on.
    if (graph_.opset < 13)
      throw NodeError(node, "means another thing before opset 13; export with opset_version=13");
    add(node, {feature_index(node, 0)}, in, SoftmaxOp{});
  }

  void expand(const Node& node) {
    const Feature in = feature(node, 0);
    const Ints shape = ints_input(node, 1, "shape");
    if (shape.size() != 4 || (shape[0] != 1) || (shape[2] != in.y.size && shape[2] != 1) ||
        (shape[3] != in.x.size && shape[3] != 1)) {
      throw NodeError(node, "repeats pixels, which is not supported");
    }
    if (shape[1] == in.channels || shape[1] == 1) return alias(node);
    Feature out = in;
    out.channels = small(node, shape[1], 1, 1024, "number of channels");
    if (in.channels != 1) throw NodeError(node, "repeats several channels, which is not supported");
    add(node, std::vector<int>(static_cast<std::size_t>(out.channels), feature_index(node, 0)), out,
        ConcatOp{});
  }

  /// The result is the input, under another name.
  void alias(const Node& node) {
    feature_of_[node.outputs.at(0)] = feature_index(node, 0);
    // Each reader of the copy reads the original, which therefore must not be merged away.
    readers_[node.inputs.at(0)] += readers_[node.outputs.at(0)];
  }

  void pool(const Node& node) {
    const Feature& in = feature(node, 0);
    if (node.outputs.size() > 1 && !node.outputs[1].empty())
      throw NodeError(node, "its indices are not supported");
    const Ints kernel = node.integers("kernel_shape", {});
    if (kernel.size() != 2) throw NodeError(node, "is not two-dimensional");
    PoolOp op;
    op.maximum = node.op == "MaxPool";
    op.count_padding = node.integer("count_include_pad", 0) != 0;
    op.y = window(node, 0, kernel[0], in.y.size);
    op.x = window(node, 1, kernel[1], in.x.size);
    const bool ceil_mode = node.integer("ceil_mode", 0) != 0;
    Feature out = in;
    const auto size = [&](const Axis& a, const Window& w) {
      if (w.pad_begin >= w.span() || w.pad_end >= w.span())
        throw NodeError(node, "its padding is as large as its kernel");
      const int room = a.size + w.pad_begin + w.pad_end - w.span();
      if (room < 0) throw SizeMisfit(node, "its kernel is larger than its input");
      int n = (room + (ceil_mode ? w.stride - 1 : 0)) / w.stride + 1;
      // A last window that would begin beyond the image and its left padding is left out, as in PyTorch.
      if (ceil_mode && (n - 1) * w.stride >= a.size + w.pad_begin) --n;
      return slid(a, w, n);
    };
    out.y = size(in.y, op.y);
    out.x = size(in.x, op.x);
    add(node, {feature_index(node, 0)}, out, op);
  }

  void resize(const Node& node) {
    const Feature& in = feature(node, 0);
    const bool upsample = node.op == "Upsample";
    const std::string mode = node.text("mode", "nearest");
    if (mode != "nearest" && mode != "linear")
      throw NodeError(node, "its mode '" + mode + "' is not supported; nearest and linear are");
    const Constant* scales = constant_input(node, upsample ? 1 : 2);
    const Constant* sizes = upsample ? nullptr : constant_input(node, 3);
    const bool by_size = sizes != nullptr && sizes->size() > 0;
    if (by_size ? !sizes->integral || sizes->size() != 4
                : scales == nullptr || scales->integral || scales->size() != 4) {
      throw NodeError(node, "its sizes or scales are not four known numbers");
    }
    const double channel_change = by_size ? static_cast<double>(sizes->ints[1]) / in.channels : scales->at(1);
    if (channel_change != 1) throw NodeError(node, "it resizes the channels");
    using Coordinates = ResizeAxis::Coordinates;
    using Nearest = ResizeAxis::Nearest;
    static const std::map<std::string, Coordinates> coordinates = {
        {"half_pixel", Coordinates::half_pixel},
        {"pytorch_half_pixel", Coordinates::pytorch_half_pixel},
        {"align_corners", Coordinates::align_corners},
        {"asymmetric", Coordinates::asymmetric}};
    static const std::map<std::string, Nearest> nearest = {
        {"round_prefer_floor", Nearest::round_prefer_floor},
        {"round_prefer_ceil", Nearest::round_prefer_ceil},
        {"floor", Nearest::floor},
        {"ceil", Nearest::ceil}};
    const std::string how =
        node.text("coordinate_transformation_mode", upsample ? "asymmetric" : "half_pixel");
    const std::string rounding = node.text("nearest_mode", upsample ? "floor" : "round_prefer_floor");
    if (!coordinates.contains(how))
      throw NodeError(node, "its coordinate_transformation_mode '" + how + "' is not supported");
    if (!nearest.contains(rounding))
      throw NodeError(node, "its nearest_mode '" + rounding + "' is not supported");
    const auto axis = [&](int i, const Axis& a, Axis& out) {
      ResizeAxis r;
      r.linear = mode == "linear";
      r.coordinates = coordinates.at(how);
      r.nearest = nearest.at(rounding);
      r.in = a.size;
      if (by_size) {
        r.out = small(node, sizes->ints[static_cast<std::size_t>(i)], 1, largest_side, "size");
        r.scale = static_cast<double>(r.out) / r.in;
      } else {
        r.scale = scales->at(static_cast<std::size_t>(i));
        if (!(r.scale > 0 && r.scale < 1024)) throw NodeError(node, "its scale is not usable");
        r.out = small(node, static_cast<std::int64_t>(std::floor(a.size * r.scale)), 0, largest_side, "size");
      }
      const bool corners = r.coordinates == Coordinates::align_corners && r.out > 1;
      const double step = corners ? static_cast<double>(r.in - 1) / (r.out - 1) : 1 / r.scale;
      const double first =
          corners ? 0 : 0.5 / r.scale - 0.5;  // pixels as areas, also where nearest takes a corner
      out = {r.out, a.stride * step, a.offset + a.stride * first};
      return r;
    };
    Feature out = in;
    ResizeOp op;
    op.y = axis(2, in.y, out.y);
    op.x = axis(3, in.x, out.x);
    add(node, {feature_index(node, 0)}, out, op);
  }

  void concat(const Node& node) {
    const std::int64_t axis = node.integer("axis", 1);
    if (axis != 1 && axis != -3) throw NodeError(node, "does not join channels");
    Feature out = feature(node, 0);
    out.channels = 0;
    std::vector<int> inputs;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const Feature& in = feature(node, i);
      if (!same_size(in, out)) {
        throw SizeMisfit(node, "its inputs differ in size: '" + feature(node, 0).name + "' is " +
                                   size_text(feature(node, 0)) + ", '" + in.name + "' is " + size_text(in));
      }
      out.channels += in.channels;
      out.y = cleaner(out.y, in.y);
      out.x = cleaner(out.x, in.x);
      inputs.push_back(feature_index(node, i));
    }
    add(node, inputs, out, ConcatOp{});
  }

  /// One value per channel from a constant that is broadcast over the pixels.
  std::vector<float> per_channel(const Node& node, const Constant& c, int channels) {
    std::vector<float> v(static_cast<std::size_t>(channels));
    const std::size_t rank = c.dims.size();
    const bool by_channel = rank >= 3 && c.dims[rank - 3] == channels && c.size() == channels;
    if (!by_channel && c.size() != 1)
      throw NodeError(node, "its constant is neither one number nor one per channel");
    for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(c.at(by_channel ? i : 0));
    return v;
  }

  void binary(const Node& node) {
    const bool first_is_constant = !feature_of_.contains(node.inputs.at(0));
    const bool second_is_constant = !feature_of_.contains(node.inputs.at(1));
    if (first_is_constant || second_is_constant) return affine(node, first_is_constant);
    const Feature a = feature(node, 0);
    const Feature b = feature(node, 1);
    if (!same_size(a, b))
      throw SizeMisfit(node, "its inputs differ in size: '" + a.name + "' is " + size_text(a) + ", '" +
                                 b.name + "' is " + size_text(b));
    if (a.channels != b.channels && a.channels != 1 && b.channels != 1) {
      throw NodeError(node, "its inputs differ in channels: '" + a.name + "' has " +
                                std::to_string(a.channels) + ", '" + b.name + "' has " +
                                std::to_string(b.channels));
    }
    if (node.op == "Div")
      throw NodeError(node, "divides one map of pixels by another, which is not supported");
    BinaryOp op;
    if (node.op == "Sub") op.kind = BinaryOp::Kind::subtract;
    if (node.op == "Mul") op.kind = BinaryOp::Kind::multiply;
    Feature out = a;
    out.channels = std::max(a.channels, b.channels);
    out.y = cleaner(a.y, b.y);
    out.x = cleaner(a.x, b.x);
    add(node, {feature_index(node, 0), feature_index(node, 1)}, out, op);
  }

  void affine(const Node& node, bool first_is_constant) {
    const std::size_t at = first_is_constant ? 1 : 0;
    const Feature in = feature(node, at);
    const Constant* c = constant_input(node, 1 - at);
    if (c == nullptr) throw NodeError(node, "its other operand is not known");
    std::vector<float> v = per_channel(node, *c, in.channels);
    AffineOp op;
    op.scale.assign(v.size(), 1);
    op.shift.assign(v.size(), 0);
    for (std::size_t i = 0; i < v.size(); ++i) {
      if (node.op == "Add") op.shift[i] = v[i];
      if (node.op == "Mul") op.scale[i] = v[i];
      if (node.op == "Sub" && first_is_constant) op.scale[i] = -1, op.shift[i] = v[i];
      if (node.op == "Sub" && !first_is_constant) op.shift[i] = -v[i];
      if (node.op == "Div") {
        if (first_is_constant)
          throw NodeError(node, "divides a number by a map of pixels, which is not supported");
        if (v[i] == 0) throw NodeError(node, "divides by 0");
        op.scale[i] = 1 / v[i];
      }
    }
    add(node, {feature_index(node, at)}, in, std::move(op));
  }

  void negate(const Node& node) {
    const Feature in = feature(node, 0);
    const auto n = static_cast<std::size_t>(in.channels);
    add(node, {feature_index(node, 0)}, in, AffineOp{std::vector<float>(n, -1), std::vector<float>(n, 0)});
  }

  void pad(const Node& node) {
    const Feature in = feature(node, 0);
    const Ints pads = ints_input(node, 1, "padding");
    if (pads.size() != 8) throw NodeError(node, "its padding does not have eight numbers");
    if (pads[0] != 0 || pads[1] != 0 || pads[4] != 0 || pads[5] != 0)
      throw NodeError(node, "it pads images or channels");
    const std::string mode = node.text("mode", "constant");
    PadOp op;
    if (mode == "reflect") {
      op.mode = PadOp::Mode::reflect;
    } else if (mode == "edge") {
      op.mode = PadOp::Mode::edge;
    } else if (mode != "constant") {
      throw NodeError(node, "its mode '" + mode + "' is not supported");
    }
    if (const Constant* value = constant_input(node, 2); value != nullptr && value->size() == 1)
      op.value = static_cast<float>(value->at(0));
    op.before_y = small(node, pads[2], -largest_side, largest_side, "padding");
    op.before_x = small(node, pads[3], -largest_side, largest_side, "padding");
    const int after_y = small(node, pads[6], -largest_side, largest_side, "padding");
    const int after_x = small(node, pads[7], -largest_side, largest_side, "padding");
    if (op.mode == PadOp::Mode::reflect &&
        (std::max(op.before_y, after_y) >= in.y.size || std::max(op.before_x, after_x) >= in.x.size)) {
      throw SizeMisfit(node, "mirrors more than there is");
    }
    shift(node, op, after_y, after_x);
  }

  void shift(const Node& node, const PadOp& op, int after_y, int after_x) {
    const Feature in = feature(node, 0);
    Feature out = in;
    out.y = {in.y.size + op.before_y + after_y, in.y.stride, in.y.offset - in.y.stride * op.before_y};
    out.x = {in.x.size + op.before_x + after_x, in.x.stride, in.x.offset - in.x.stride * op.before_x};
    if (op.before_y == 0 && op.before_x == 0 && after_y == 0 && after_x == 0) return alias(node);
    add(node, {feature_index(node, 0)}, out, op);
  }

  void slice(const Node& node) {
    const Feature in = feature(node, 0);
    const Ints starts = ints_input(node, 1, "start");
    const Ints ends = ints_input(node, 2, "end");
    Ints axes(starts.size());
    std::iota(axes.begin(), axes.end(), 0);
    if (node.has_input(3)) axes = ints_input(node, 3, "axes");
    if (node.has_input(4)) {
      for (const std::int64_t step : ints_input(node, 4, "steps")) {
        if (step != 1) throw NodeError(node, "takes only some of the pixels, which is not supported");
      }
    }
    if (ends.size() != starts.size() || axes.size() != starts.size())
      throw NodeError(node, "its starts, ends and axes differ in length");
    const Ints dims = {1, in.channels, in.y.size, in.x.size};
    Ints first = {0, 0, 0, 0};
    Ints last = dims;
    for (std::size_t i = 0; i < starts.size(); ++i) {
      const std::int64_t axis = axes[i] < 0 ? axes[i] + 4 : axes[i];
      if (axis < 0 || axis > 3) throw NodeError(node, "its axis lies outside the tensor");
      const auto k = static_cast<std::size_t>(axis);
      const auto wrap = [n = dims[k]](std::int64_t v) {
        return std::clamp<std::int64_t>(v < 0 ? v + n : v, 0, n);
      };
      first[k] = wrap(starts[i]);
      last[k] = wrap(ends[i]);
    }
    if (first[0] != 0 || last[0] != 1) throw NodeError(node, "it cuts the batch");
    const bool spatial = first[2] != 0 || first[3] != 0 || last[2] != dims[2] || last[3] != dims[3];
    const bool channels = first[1] != 0 || last[1] != dims[1];
    if (spatial && channels)
      throw NodeError(node, "cuts channels and pixels at once, which is not supported");
    if (channels)
      return take_channels(node, node.outputs.at(0), static_cast<int>(first[1]), static_cast<int>(last[1]));
    PadOp op;
    op.before_y = -static_cast<int>(first[2]);
    op.before_x = -static_cast<int>(first[3]);
    if (last[2] <= first[2] || last[3] <= first[3])
      throw SizeMisfit(node, "nothing is left of an image this small");
    shift(node, op, static_cast<int>(last[2] - dims[2]), static_cast<int>(last[3] - dims[3]));
  }

  void take_channels(const Node& node, const std::string& name, int first, int last) {
    Feature out = feature(node, 0);
    if (first < 0 || last > out.channels || last <= first)
      throw NodeError(node, "takes channels that its input does not have");
    out.channels = last - first;
    add(node, {feature_index(node, 0)}, out, ChannelsOp{first}, name);
  }

  void split(const Node& node) {
    const Feature in = feature(node, 0);
    const std::int64_t axis = node.integer("axis", 0);
    if (axis != 1 && axis != -3) throw NodeError(node, "does not split channels");
    const auto parts = static_cast<std::int64_t>(node.outputs.size());
    Ints sizes = node.has_input(1) ? ints_input(node, 1, "split") : node.integers("split", {});
    if (sizes.empty() && in.channels % parts == 0) sizes.assign(node.outputs.size(), in.channels / parts);
    if (static_cast<std::int64_t>(sizes.size()) != parts ||
        std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0}) != in.channels) {
      throw NodeError(node, "its parts do not add up to its input's channels");
    }
    int first = 0;
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      const int next = first + small(node, sizes[i], 1, in.channels, "part");
      take_channels(node, node.outputs[i], first, next);
      first = next;
    }
  }

  void identity(const Node& node) {
    if (node.op == "Cast" && node.integer("to", 1) != 1)
      throw NodeError(node, "casts pixels to a type other than float32");
    const int index = feature_index(node, 0);
    feature_of_[node.outputs.at(0)] = index;
    // Whoever reads the copy reads the original: a merge must not overwrite it while others wait for it.
    if (readers_[node.inputs.at(0)] == 1 &&
        net_.features_[static_cast<std::size_t>(index)].name == node.inputs.at(0)) {
      rename(node, index);
    }
  }

  void shape(const Node& node) {
    const Feature& in = feature(node, 0);
    const Ints dims = {1, in.channels, in.y.size, in.x.size};
    const auto wrap = [](std::int64_t v) { return std::clamp<std::int64_t>(v < 0 ? v + 4 : v, 0, 4); };
    const std::int64_t start = wrap(node.integer("start", 0));
    const std::int64_t end = std::max(start, wrap(node.integer("end", 4)));
    values_[node.outputs.at(0)] =
        Constant::of_ints({end - start}, Ints(dims.begin() + start, dims.begin() + end));
  }

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

ShapedNetwork::ShapedNetwork(const Network::Graph& graph, int height, int width, Axes axes) {
  Lowering(graph, height, width, axes, *this).run();
}

}  // namespace fibflow::model
