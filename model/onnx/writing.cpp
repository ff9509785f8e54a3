#include "model/onnx/writing.h"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <stdexcept>

#include "model/onnx/half.h"

namespace fibflow::model {
namespace {

constexpr std::size_t largest_file = (std::size_t{1} << 31) - 1;  // protobuf's sizes are ints

}  // namespace

std::string with_statistics(const Graph& network, const Statistics& statistics,
                            const std::map<std::string, std::string>& metadata) {
  if (statistics.layers.size() != network.batch_norms.size())
    throw std::invalid_argument("statistics of another network");
  onnx::ModelProto model = *static_cast<const onnx::ModelProto*>(network.proto.get());
  onnx::GraphProto& graph = *model.mutable_graph();

  std::set<std::string> taken;
  for (const auto& t : graph.initializer()) taken.insert(t.name());
  for (const auto& n : graph.node()) taken.insert(n.output().begin(), n.output().end());
  std::set<std::string> halves;
  for (const auto& t : graph.initializer()) {
    if (t.data_type() == onnx::TensorProto::FLOAT16) halves.insert(t.name());
  }
  const auto add = [&](const std::string& wish, const std::vector<float>& values, bool as_halves) {
    std::string name = wish;
    for (int i = 1; !taken.insert(name).second; ++i) name = wish + "_" + std::to_string(i);
    onnx::TensorProto& t = *graph.add_initializer();
    t.set_name(name);
    t.add_dims(static_cast<std::int64_t>(values.size()));
    if (as_halves) {
      std::vector<std::uint16_t> stored(values.size());
      std::ranges::transform(values, stored.begin(), half_of_float);
      t.set_data_type(onnx::TensorProto::FLOAT16);
      t.set_raw_data(stored.data(), stored.size() * sizeof(std::uint16_t));
    } else {
      t.set_data_type(onnx::TensorProto::FLOAT);
      t.set_raw_data(values.data(), values.size() * sizeof(float));
    }
    return name;
  };
  for (onnx::NodeProto& node : *graph.mutable_node()) {
    if (node.op_type() != "BatchNormalization") continue;
    const auto found = network.batch_norm_of_node.find(node.output(0));
    if (found == network.batch_norm_of_node.end()) continue;  // it belongs to another output
    const auto index = static_cast<std::size_t>(found->second);
    const BatchNorm& bn = network.batch_norms[index];
    const LayerStatistics& layer = statistics.layers[index];
    if (layer.mean.size() != bn.gamma.size() || layer.variance.size() != bn.gamma.size())
      throw std::invalid_argument("statistics of another network");
    // All that a node reads has one type.
    const bool as_halves = halves.contains(node.input(1));
    node.set_input(3, add(bn.name + ".adapted_mean", layer.mean, as_halves));
    node.set_input(4, add(bn.name + ".adapted_var", layer.variance, as_halves));
  }

  // Drop what nothing reads any more: old statistics, and the Identity nodes that shared them out.
  for (bool dropped = true; dropped;) {
    std::set<std::string> used;
    for (const auto& n : graph.node()) used.insert(n.input().begin(), n.input().end());
    for (const auto& o : graph.output()) used.insert(o.name());
    const auto unused_node = [&](const onnx::NodeProto& n) {
      return std::ranges::none_of(n.output(), [&](const auto& o) { return used.contains(o); });
    };
    auto& nodes = *graph.mutable_node();
    auto& tensors = *graph.mutable_initializer();
    const int before = nodes.size() + tensors.size();
    nodes.erase(std::remove_if(nodes.begin(), nodes.end(), unused_node), nodes.end());
    tensors.erase(std::remove_if(tensors.begin(), tensors.end(),
                                 [&](const auto& t) { return !used.contains(t.name()); }),
                  tensors.end());
    dropped = nodes.size() + tensors.size() != before;
  }
  // Inputs that named initializers (IR version 3) go with them.
  auto& inputs = *graph.mutable_input();
  std::set<std::string> kept{network.input};
  for (const auto& t : graph.initializer()) kept.insert(t.name());
  inputs.erase(
      std::remove_if(inputs.begin(), inputs.end(), [&](const auto& v) { return !kept.contains(v.name()); }),
      inputs.end());

  std::map<std::string, std::string> all = network.metadata;
  for (const auto& [key, value] : metadata) all[key] = value;
  model.clear_metadata_props();
  for (const auto& [key, value] : all) {
    auto& entry = *model.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
  std::string bytes;
  if (model.ByteSizeLong() > largest_file || !model.SerializeToString(&bytes))
    throw ModelError("with its weights in it, it is larger than an ONNX file can be (2 GiB)");
  return bytes;
}

void visit_content(const Graph& graph, const std::function<void(std::string_view)>& visit) {
  const auto& model = *static_cast<const onnx::ModelProto*>(graph.proto.get());
  // Each part by itself, with its length before it: together they can be larger than protobuf writes.
  const auto part = [&](const google::protobuf::MessageLite& message) {
    const std::string bytes = message.SerializeAsString();
    visit(std::to_string(bytes.size()) + ":");
    visit(bytes);
  };
  for (const auto& set : model.opset_import()) part(set);
  for (const auto& node : model.graph().node()) part(node);
  for (const auto& tensor : model.graph().initializer()) part(tensor);
  for (const auto& value : model.graph().input()) part(value);
  for (const auto& value : model.graph().output()) part(value);
  for (const auto& [key, value] : graph.metadata) {
    for (const std::string& text : {key, value}) visit(std::to_string(text.size()) + ":" + text);
  }
  if (!graph.output_map.empty()) visit("output map:" + graph.output_map);
}

}  // namespace fibflow::model
