#include "model/operators/lowering.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "model/operators/operators.h"

namespace fibflow::model {

int checked_int(const Node& node, std::int64_t v, std::int64_t lowest, std::int64_t highest,
                const char* what) {
  if (v < lowest || v > highest)
    throw NodeError(node, std::string("its ") + what + " is " + std::to_string(v));
  return static_cast<int>(v);
}

std::string size_text(const Feature& f) {
  return std::to_string(f.channels) + " x " + std::to_string(f.y.size) + " x " + std::to_string(f.x.size);
}

LoweredGraph Lowering::lower(const Graph& graph, int height, int width, Axes axes) {
  Lowering lowering(graph, height, width, axes);
  lowering.run();
  return std::move(lowering.lowered_);
}

NamedValues Lowering::named_values(const Graph& graph, int height, int width) {
  Lowering lowering(graph, height, width, Axes::both);
  lowering.run();
  NamedValues result;
  for (const auto& [name, index] : lowering.feature_of_) result.maps[name] = lowering.feature(index);
  result.computed = std::move(lowering.values_);
  return result;
}

Lowering::Lowering(const Graph& graph, int height, int width, Axes axes) : graph_(graph), axes_(axes) {
  for (const Node& node : graph.nodes) {
    if (node.op == "Shape") continue;  // reads no pixel
    for (const std::string& input : node.inputs) ++readers_[input];
  }
  ++readers_[graph.output];
  lowered_.batch_norm_operation.assign(graph.batch_norms.size(), -1);
  Feature image;
  image.name = graph.input;
  image.channels = graph.input_channels;
  image.y.size = height;
  image.x.size = width;
  lowered_.features.push_back(image);
  if (graph.channels_last) {
    channels_last_[graph.input] = {0, {0, 2, 3, 1}};
  } else {
    feature_of_[graph.input] = 0;
  }
}

void Lowering::run() {
  refuse_measuring(graph_);
  for (const Node& node : graph_.nodes) lower(node);
  const auto it = feature_of_.find(graph_.output);
  const ChannelsLast* turned = graph_.channels_last ? channels_last(graph_.output) : nullptr;
  if (it == feature_of_.end() && turned == nullptr) refuse_output();
  lowered_.output = turned != nullptr ? turned->feature : it->second;
  Feature& out = lowered_.features[static_cast<std::size_t>(lowered_.output)];
  const Feature& in = lowered_.features.front();
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
  if (lower_channels_last(node)) return;
  operator_named(node).lower(*this, node);
}

/// What does the same to every value does not care for the order of axes.
bool Lowering::lower_channels_last(const Node& node) {
  constexpr std::array pointwise{"Cast",     "Clip",      "Dropout", "Elu",     "HardSigmoid", "HardSwish",
                                 "Identity", "LeakyRelu", "Relu",    "Sigmoid", "Tanh"};
  const auto found = channels_last_.find(node.inputs.empty() ? std::string() : node.inputs[0]);
  if (found == channels_last_.end() || std::ranges::find(pointwise, node.op) == pointwise.end()) return false;
  const ChannelsLast from = found->second;
  Node turned = node;
  turned.inputs[0] = feature(from.feature).name;
  turned.outputs[0] = node.outputs.at(0) + " with channels first";
  feature_of_[turned.inputs[0]] = from.feature;
  // Others that read the map in that order read this feature: it must stay what it is.
  readers_[turned.inputs[0]] += readers_[node.inputs[0]] - 1;
  operator_named(node).lower(*this, turned);
  channels_last_[node.outputs[0]] = {feature_of_.at(turned.outputs[0]), from.perm};
  return true;
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

Operation& Lowering::add(const Node& node, std::vector<int> inputs, Feature out,
                         std::unique_ptr<Operation> op, const std::string& name) {
  if (out.y.size <= 0 || out.x.size <= 0) throw SizeMisfit(node, "nothing is left of an image this small");
  checked_int(node, out.y.size, 1, largest_side, "height");
  checked_int(node, out.x.size, 1, largest_side, "width");
  checked_int(node, out.channels, 1, most_channels, "number of channels");
  out.name = name.empty() ? node.outputs.at(0) : name;
  op->label = node.label();
  op->inputs = std::move(inputs);
  op->output = static_cast<int>(lowered_.features.size());
  feature_of_[out.name] = op->output;
  lowered_.features.push_back(std::move(out));
  lowered_.operations.push_back(std::move(op));
  return *lowered_.operations.back();
}

Operation* Lowering::sole_producer(const Node& node) {
  const std::string& name = node.inputs.at(0);
  if (readers_[name] != 1 || lowered_.operations.empty()) return nullptr;
  Operation& last = *lowered_.operations.back();
  return last.output == feature_of_.at(name) && feature(last.output).name == name ? &last : nullptr;
}

void Lowering::rename(const Node& node, int index) {
  lowered_.features[static_cast<std::size_t>(index)].name = node.outputs.at(0);
  feature_of_[node.outputs.at(0)] = index;
}

void Lowering::alias(const Node& node) {
  feature_of_[node.outputs.at(0)] = feature_index(node, 0);
  // Each reader of the copy reads the original, which therefore must not be merged away.
  readers_[node.inputs.at(0)] += readers_[node.outputs.at(0)];
}

void Lowering::pass(const Node& node) {
  const int index = feature_index(node, 0);
  feature_of_[node.outputs.at(0)] = index;
  // Whoever reads the copy reads the original: a merge must not overwrite it while others wait for it.
  if (readers_[node.inputs.at(0)] == 1 && feature(index).name == node.inputs.at(0)) rename(node, index);
}

const Lowering::ChannelsLast* Lowering::channels_last(const std::string& name) const {
  const auto it = channels_last_.find(name);
  return it == channels_last_.end() ? nullptr : &it->second;
}

void Lowering::set_channels_last(const std::string& name, ChannelsLast map) {
  channels_last_[name] = std::move(map);
  feature_of_.erase(name);
}

}  // namespace fibflow::model
