#include "model/operators/lowering.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace fibflow::model {
namespace {

std::string size_text(const Feature& f) {
  return std::to_string(f.channels) + " x " + std::to_string(f.y.size) + " x " + std::to_string(f.x.size);
}

/// Of two descriptions of where pixels lie, the one on a whole grid: interpolation to a size blurs the other.
const Axis& cleaner(const Axis& a, const Axis& b) {
  const auto error = [](const Axis& v) { return std::abs(v.stride - std::round(v.stride)); };
  return error(b) + 1e-9 < error(a) ? b : a;
}

}  // namespace

int small(const Node& node, std::int64_t v, std::int64_t lowest, std::int64_t highest, const char* what) {
  if (v < lowest || v > highest)
    throw NodeError(node, std::string("its ") + what + " is " + std::to_string(v));
  return static_cast<int>(v);
}

Lowering::Lowering(const Network::Graph& graph, int height, int width, Axes axes, ShapedNetwork& net)
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

void Lowering::run() {
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
                       "' is not at the resolution of the image (a step of " + std::to_string(axis->stride) +
                       " pixels)");
    }
  }
}

void Lowering::refuse_output() const {
  for (const Node& node : graph_.nodes) {
    if (std::ranges::find(node.outputs, graph_.output) != node.outputs.end()) {
      throw NodeError(node, "makes the output, which is not a map of pixels [N, C, H, W]");
    }
  }
  throw ModelError("its output '" + graph_.output + "' is not a map of pixels [N, C, H, W]");
}

void Lowering::lower(const Node& node) {
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

std::string Lowering::unsupported(const std::string& op) {
  if (op == "GlobalAveragePool" || op == "GlobalMaxPool" || op == "ReduceMean" ||
      op == "InstanceNormalization") {
    return "this operator sees the whole image at once, so that tiles could not equal the whole slice; it "
           "is not supported";
  }
  return "this operator is not supported";
}

bool Lowering::reads_pixels(const Node& node) const {
  return std::ranges::any_of(node.inputs, [this](const std::string& s) {
    return feature_of_.contains(s) || channels_last_.contains(s);
  });
}

const Constant* Lowering::constant(const std::string& name) const {
  if (const auto it = values_.find(name); it != values_.end()) return &it->second;
  if (const auto it = graph_.constants.find(name); it != graph_.constants.end()) return &it->second;
  return nullptr;
}

const Constant* Lowering::constant_input(const Node& node, std::size_t i) const {
  return node.has_input(i) ? constant(node.inputs[i]) : nullptr;
}

Lowering::Ints Lowering::ints_input(const Node& node, std::size_t i, const char* what) const {
  const Constant* c = constant_input(node, i);
  if (c == nullptr || !c->integral)
    throw NodeError(node, std::string("its ") + what + " is not a known integer tensor");
  return c->ints;
}

void Lowering::compute(const Node& node) {
  std::vector<const Constant*> operands;
  for (const std::string& input : node.inputs) {
    operands.push_back(input.empty() ? nullptr : constant(input));
    if (!input.empty() && operands.back() == nullptr)
      throw NodeError(node, "its input '" + input + "' is not known");
  }
  if (node.outputs.size() != 1) throw NodeError(node, "this operator is not supported on constants");
  values_[node.outputs[0]] = evaluate(node, operands, graph_.opset);
}

int Lowering::feature_index(const Node& node, std::size_t i) const {
  const auto it = node.has_input(i) ? feature_of_.find(node.inputs[i]) : feature_of_.end();
  if (it == feature_of_.end())
    throw NodeError(node, "its input " + std::to_string(i) + " is not a map of pixels");
  return it->second;
}

const Feature& Lowering::feature(const Node& node, std::size_t i) const {
  return net_.features_[static_cast<std::size_t>(feature_index(node, i))];
}

Operation* Lowering::sole_producer(const Node& node) {
  const std::string& name = node.inputs.at(0);
  if (readers_[name] != 1 || net_.operations_.empty()) return nullptr;
  Operation& last = net_.operations_.back();
  return last.output == feature_of_.at(name) &&
                 net_.features_[static_cast<std::size_t>(last.output)].name == name
             ? &last
             : nullptr;
}

void Lowering::rename(const Node& node, int index) {
  net_.features_[static_cast<std::size_t>(index)].name = node.outputs.at(0);
  feature_of_[node.outputs.at(0)] = index;
}

void Lowering::batch_norm(const Node& node) {
  const int index = graph_.batch_norm_of_node.at(node.outputs.at(0));
  const Feature in = feature(node, 0);
  const int channels = graph_.batch_norms[static_cast<std::size_t>(index)].channels;
  if (channels != in.channels) {
    throw NodeError(node, "normalizes " + std::to_string(channels) + " channels, but its input '" + in.name +
                              "' has " + std::to_string(in.channels));
  }
  if (Operation* producer = sole_producer(node)) {
    const auto merge = [&](auto* op) {
      if (op == nullptr || op->batch_norm >= 0 || op->activation.kind != Activation::Kind::none) return false;
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

Activation Lowering::read_activation(const Node& node, const Feature& in) {
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

void Lowering::activation(const Node& node) {
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

void Lowering::transpose(const Node& node) {
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

void Lowering::softmax(const Node& node) {
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

void Lowering::expand(const Node& node) {
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

void Lowering::alias(const Node& node) {
  feature_of_[node.outputs.at(0)] = feature_index(node, 0);
  // Each reader of the copy reads the original, which therefore must not be merged away.
  readers_[node.inputs.at(0)] += readers_[node.outputs.at(0)];
}

void Lowering::concat(const Node& node) {
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

std::vector<float> Lowering::per_channel(const Node& node, const Constant& c, int channels) {
  std::vector<float> v(static_cast<std::size_t>(channels));
  const std::size_t rank = c.dims.size();
  const bool by_channel = rank >= 3 && c.dims[rank - 3] == channels && c.size() == channels;
  if (!by_channel && c.size() != 1)
    throw NodeError(node, "its constant is neither one number nor one per channel");
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(c.at(by_channel ? i : 0));
  return v;
}

void Lowering::binary(const Node& node) {
  const bool first_is_constant = !feature_of_.contains(node.inputs.at(0));
  const bool second_is_constant = !feature_of_.contains(node.inputs.at(1));
  if (first_is_constant || second_is_constant) return affine(node, first_is_constant);
  const Feature a = feature(node, 0);
  const Feature b = feature(node, 1);
  if (!same_size(a, b))
    throw SizeMisfit(node, "its inputs differ in size: '" + a.name + "' is " + size_text(a) + ", '" + b.name +
                               "' is " + size_text(b));
  if (a.channels != b.channels && a.channels != 1 && b.channels != 1) {
    throw NodeError(node, "its inputs differ in channels: '" + a.name + "' has " +
                              std::to_string(a.channels) + ", '" + b.name + "' has " +
                              std::to_string(b.channels));
  }
  if (node.op == "Div") throw NodeError(node, "divides one map of pixels by another, which is not supported");
  BinaryOp op;
  if (node.op == "Sub") op.kind = BinaryOp::Kind::subtract;
  if (node.op == "Mul") op.kind = BinaryOp::Kind::multiply;
  Feature out = a;
  out.channels = std::max(a.channels, b.channels);
  out.y = cleaner(a.y, b.y);
  out.x = cleaner(a.x, b.x);
  add(node, {feature_index(node, 0), feature_index(node, 1)}, out, op);
}

void Lowering::affine(const Node& node, bool first_is_constant) {
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

void Lowering::negate(const Node& node) {
  const Feature in = feature(node, 0);
  const auto n = static_cast<std::size_t>(in.channels);
  add(node, {feature_index(node, 0)}, in, AffineOp{std::vector<float>(n, -1), std::vector<float>(n, 0)});
}

void Lowering::pad(const Node& node) {
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

void Lowering::shift(const Node& node, const PadOp& op, int after_y, int after_x) {
  const Feature in = feature(node, 0);
  Feature out = in;
  out.y = {in.y.size + op.before_y + after_y, in.y.stride, in.y.offset - in.y.stride * op.before_y};
  out.x = {in.x.size + op.before_x + after_x, in.x.stride, in.x.offset - in.x.stride * op.before_x};
  if (op.before_y == 0 && op.before_x == 0 && after_y == 0 && after_x == 0) return alias(node);
  add(node, {feature_index(node, 0)}, out, op);
}

void Lowering::slice(const Node& node) {
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
  if (spatial && channels) throw NodeError(node, "cuts channels and pixels at once, which is not supported");
  if (channels)
    return take_channels(node, node.outputs.at(0), static_cast<int>(first[1]), static_cast<int>(last[1]));
  PadOp op;
  op.before_y = -static_cast<int>(first[2]);
  op.before_x = -static_cast<int>(first[3]);
  if (last[2] <= first[2] || last[3] <= first[3])
    throw SizeMisfit(node, "nothing is left of an image this small");
  shift(node, op, static_cast<int>(last[2] - dims[2]), static_cast<int>(last[3] - dims[3]));
}

void Lowering::take_channels(const Node& node, const std::string& name, int first, int last) {
  Feature out = feature(node, 0);
  if (first < 0 || last > out.channels || last <= first)
    throw NodeError(node, "takes channels that its input does not have");
  out.channels = last - first;
  add(node, {feature_index(node, 0)}, out, ChannelsOp{first}, name);
}

void Lowering::split(const Node& node) {
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

void Lowering::identity(const Node& node) {
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

void Lowering::shape(const Node& node) {
  const Feature& in = feature(node, 0);
  const Ints dims = {1, in.channels, in.y.size, in.x.size};
  const auto wrap = [](std::int64_t v) { return std::clamp<std::int64_t>(v < 0 ? v + 4 : v, 0, 4); };
  const std::int64_t start = wrap(node.integer("start", 0));
  const std::int64_t end = std::max(start, wrap(node.integer("end", 4)));
  values_[node.outputs.at(0)] =
      Constant::of_ints({end - start}, Ints(dims.begin() + start, dims.begin() + end));
}

ShapedNetwork::ShapedNetwork(const Network::Graph& graph, int height, int width, Axes axes) {
  Lowering(graph, height, width, axes, *this).run();
}

}  // namespace fibflow::model
