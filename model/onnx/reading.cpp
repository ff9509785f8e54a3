#include "model/onnx/reading.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/stubs/logging.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "model/onnx/tensor_reader.h"

namespace fibflow::model {
namespace {

constexpr int oldest_opset = 11;
constexpr int newest_opset = 23;
constexpr int most_nodes = 20000;
constexpr std::uintmax_t largest_file = (std::uintmax_t{1} << 31) - 1;  // protobuf's sizes are ints

Node read_node(const onnx::NodeProto& proto, const TensorReader& reader) {
  Node node;
  node.op = proto.op_type();
  node.name = name_of(proto);
  node.inputs.assign(proto.input().begin(), proto.input().end());
  node.outputs.assign(proto.output().begin(), proto.output().end());
  if (!proto.domain().empty() && proto.domain() != "ai.onnx")
    throw NodeError(node, "operators of the domain " + in_quotes(proto.domain()) + " are not supported");
  for (const onnx::AttributeProto& a : proto.attribute()) {
    Attribute attribute;
    attribute.i = a.i();
    attribute.f = a.f();
    attribute.s = a.s();
    attribute.ints.assign(a.ints().begin(), a.ints().end());
    attribute.floats.assign(a.floats().begin(), a.floats().end());
    if (a.has_g() || a.graphs_size() > 0) throw NodeError(node, "control flow is not supported");
    if (a.has_t()) attribute.tensor = reader.read(a.t(), node.label());
    node.attributes.emplace(a.name(), std::move(attribute));
  }
  return node;
}

/// ONNX lists nodes so that each comes after those whose results it reads.
void check_order(const std::vector<Node>& nodes, std::set<std::string> ready) {
  for (const Node& node : nodes) {
    for (const std::string& input : node.inputs) {
      if (!input.empty() && !ready.contains(input))
        throw NodeError(node, "its input " + in_quotes(input) + " is made by no node before it");
    }
    for (const std::string& output : node.outputs) {
      if (!output.empty() && !ready.insert(output).second)
        throw NodeError(node, "makes " + in_quotes(output) + ", which exists already");
    }
  }
}

std::vector<float> channel_values(const Graph& graph, const Node& node, std::size_t input, const char* what) {
  const auto it = node.has_input(input) ? graph.constants.find(node.inputs[input]) : graph.constants.end();
  if (it == graph.constants.end() || it->second.integral)
    throw NodeError(node, std::string("its ") + what + " is not a known float tensor");
  std::vector<float> v(it->second.floats.begin(), it->second.floats.end());
  if (!std::ranges::all_of(v, [](float x) { return std::isfinite(x); })) {
    throw NodeError(node,
                    std::string("its ") + what + " " + in_quotes(node.inputs[input]) + " is not finite");
  }
  return v;
}

void read_batch_norm(Graph& graph, const Node& node) {
  if (node.integer("training_mode", 0) != 0 ||
      std::ranges::count_if(node.outputs, [](const auto& o) { return !o.empty(); }) > 1) {
    throw NodeError(node, "is in training mode; export the model in eval mode");
  }
  BatchNorm bn;
  bn.name = node.name;
  bn.epsilon = node.real("epsilon", 1e-5F);
  bn.gamma = channel_values(graph, node, 1, "scale");
  bn.beta = channel_values(graph, node, 2, "bias");
  bn.source.mean = channel_values(graph, node, 3, "mean");
  bn.source.variance = channel_values(graph, node, 4, "variance");
  const std::size_t n = bn.gamma.size();
  if (n == 0 || bn.beta.size() != n || bn.source.mean.size() != n || bn.source.variance.size() != n) {
    throw NodeError(node, "its scale, bias, mean and variance differ in length");
  }
  if (std::ranges::any_of(bn.source.variance, [](float v) { return v < 0; }))
    throw NodeError(node, "its variance is negative");
  if (!(bn.epsilon >= 0)) throw NodeError(node, "its epsilon is negative");
  bn.channels = static_cast<int>(n);
  graph.batch_norm_of_node.emplace(node.outputs.at(0), static_cast<int>(graph.batch_norms.size()));
  graph.batch_norms.push_back(std::move(bn));
}

void check_weights(const Graph& graph, const Node& node) {
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    if (node.has_input(i)) channel_values(graph, node, i, i == 1 ? "weight" : "bias");
  }
}

/// Splits the nodes into constants, which are computed now, and the network, which waits for its pixels.
void fold(Graph& graph, std::vector<Node> nodes) {
  // Weights may be computed, too; but not more of them than there are.
  constexpr std::int64_t least = 1 << 24;
  const std::int64_t most_computed = least + 4 * static_cast<std::int64_t>(graph.parameters);
  std::int64_t computed = 0;
  for (Node& node : nodes) {
    std::vector<const Constant*> operands;
    bool known = true;
    for (const std::string& input : node.inputs) {
      const auto it = graph.constants.find(input);
      known = known && (input.empty() || it != graph.constants.end());
      operands.push_back(input.empty() || it == graph.constants.end() ? nullptr : &it->second);
    }
    if (known && node.outputs.size() == 1) {
      Constant value = evaluate(node, operands, graph.opset);
      computed += value.size();
      if (computed > most_computed) throw NodeError(node, "more constants are computed than any U-Net needs");
      graph.constants.emplace(node.outputs[0], std::move(value));
    } else {
      if (node.op == "BatchNormalization") read_batch_norm(graph, node);
      if (node.op == "Conv" || node.op == "ConvTranspose") check_weights(graph, node);
      graph.nodes.push_back(std::move(node));
    }
  }
}

std::string listed(const std::vector<const onnx::ValueInfoProto*>& values) {
  std::string text;
  for (const auto* value : values) text += (text.empty() ? " (" : ", ") + in_quotes(value->name());
  return text.empty() ? text : text + ")";
}

/// Whether all that the network does with its image is to put the last axis, the channels, into their place.
bool turns_channels_first(const onnx::GraphProto& proto, const std::string& image) {
  bool turned = false;
  for (const onnx::NodeProto& node : proto.node()) {
    if (std::ranges::find(node.input(), image) == node.input().end() || node.op_type() == "Shape") continue;
    const auto perm = std::ranges::find(node.attribute(), "perm", &onnx::AttributeProto::name);
    constexpr std::array<std::int64_t, 4> channels_first{0, 3, 1, 2};
    if (node.op_type() != "Transpose" || perm == node.attribute().end() ||
        !std::ranges::equal(perm->ints(), channels_first))
      return false;
    turned = true;
  }
  return turned;
}

/// Whether gray levels become floats before anything is computed with them.
bool casts_first(const onnx::GraphProto& proto, const std::string& image) {
  constexpr std::array first{"Cast", "Identity", "Shape", "Transpose"};
  return std::ranges::all_of(proto.node(), [&](const onnx::NodeProto& node) {
    return std::ranges::find(node.input(), image) == node.input().end() ||
           std::ranges::find(first, node.op_type()) != first.end();
  });
}

void read_input(Graph& graph, const onnx::GraphProto& proto) {
  std::vector<const onnx::ValueInfoProto*> images;
  for (const onnx::ValueInfoProto& value : proto.input()) {
    // Files of IR version 3 list initializers among the inputs.
    if (!graph.constants.contains(value.name())) images.push_back(&value);
  }
  if (images.size() != 1)
    throw ModelError("has " + std::to_string(images.size()) + " image inputs" + listed(images) +
                     "; one is needed");
  graph.input = images[0]->name();
  const auto& type = images[0]->type().tensor_type();
  const int voxels = type.elem_type();
  if (voxels == onnx::TensorProto::UINT8) graph.gray_levels = 255;
  if (voxels == onnx::TensorProto::UINT16) graph.gray_levels = 65535;
  if (voxels != onnx::TensorProto::FLOAT && voxels != onnx::TensorProto::FLOAT16 && graph.gray_levels == 1)
    throw ModelError("its input " + in_quotes(graph.input) + " is " + type_name(voxels) +
                     "; float32, float16, uint8 or uint16 is needed");
  const auto& shape = type.shape();
  if (shape.dim_size() != 4) {
    throw ModelError("its input " + in_quotes(graph.input) + " has " + std::to_string(shape.dim_size()) +
                     " dimensions; a 2-D network takes [N, C, H, W]");
  }
  const auto bounded = [&](int i) {
    const std::int64_t v = shape.dim(i).dim_value();
    if (v < 0 || v > 1 << 20)
      throw ModelError("its input " + in_quotes(graph.input) + " has an impossible size");
    return static_cast<int>(v);
  };
  if (graph.gray_levels > 1 && !casts_first(proto, graph.input))
    throw ModelError("its input " + in_quotes(graph.input) + " is " + type_name(voxels) +
                     ", which its first node does not turn into floats (Cast)");
  graph.channels_last = turns_channels_first(proto, graph.input);
  graph.input_channels = bounded(graph.channels_last ? 3 : 1);
  graph.declared_height = bounded(graph.channels_last ? 1 : 2);
  graph.declared_width = bounded(graph.channels_last ? 2 : 3);
  if (graph.input_channels == 0) graph.input_channels = 1;
}

/// What "NAME", "INDEX" or "NAME:INDEX" asks for.
struct OutputMap {
  std::string name;
  std::optional<std::int64_t> channel;

  static OutputMap parse(const std::string& text);
};

OutputMap OutputMap::parse(const std::string& text) {
  const auto number = [](std::string_view digits) -> std::optional<std::int64_t> {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size() || value < 0) return std::nullopt;
    return value;
  };
  if (const auto channel = number(text)) return {"", channel};
  const auto colon = text.rfind(':');
  if (colon != std::string::npos) {
    if (const auto channel = number(std::string_view(text).substr(colon + 1)))
      return {text.substr(0, colon), channel};
  }
  return {text, std::nullopt};
}

/// Finds the output; a value that is made on the way can be one, too. If it is not the file's only one, nodes that it does
/// not need are dropped, and of its channels one may be taken.
void choose_output(Graph& graph, const onnx::GraphProto& proto, std::vector<Node>& nodes) {
  std::vector<const onnx::ValueInfoProto*> outputs;
  for (const onnx::ValueInfoProto& value : proto.output()) outputs.push_back(&value);
  const OutputMap map = OutputMap::parse(graph.output_map);
  if (map.name.empty() && outputs.size() != 1) {
    throw ModelError(
        "has " + std::to_string(outputs.size()) + " outputs" + listed(outputs) + "; one is needed" +
        (outputs.empty() ? std::string() : ": choose it with --output-map " + outputs[0]->name()));
  }
  graph.output = map.name.empty() ? outputs[0]->name() : map.name;
  if (graph.output_map.empty()) return;
  std::set<std::string> needed{graph.output};
  std::vector<Node> kept;
  for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
    if (std::ranges::none_of(node->outputs, [&](const auto& o) { return needed.contains(o); })) continue;
    needed.insert(node->inputs.begin(), node->inputs.end());
    kept.push_back(std::move(*node));
  }
  if (kept.empty())
    throw ModelError("makes no " + in_quotes(graph.output) + " that could be its output; its outputs are" +
                     listed(outputs));
  std::ranges::reverse(kept);
  nodes = std::move(kept);
  if (!map.channel) return;
  Node cut;
  cut.op = "Slice";
  cut.name = "output map " + graph.output_map;
  cut.inputs = {graph.output};
  for (const auto& [what, value] :
       {std::pair{"start", *map.channel}, {"end", *map.channel + 1}, {"axis", std::int64_t{1}}}) {
    cut.inputs.push_back(cut.name + " " + what);
    graph.constants.emplace(cut.inputs.back(), Constant::of_ints({1}, {value}));
  }
  cut.outputs = {cut.name};
  graph.output = cut.name;
  nodes.push_back(std::move(cut));
}

std::shared_ptr<Graph> graph_of(const std::shared_ptr<onnx::ModelProto>& proto,
                                const std::filesystem::path& folder, const std::string& output_map) {
  auto graph = std::make_shared<Graph>();
  graph->proto = proto;
  for (const auto& set : proto->opset_import()) {
    if (set.domain().empty() || set.domain() == "ai.onnx")
      graph->opset = static_cast<int>(std::clamp<std::int64_t>(set.version(), 0, 1000));
  }
  if (!proto->has_graph()) throw ModelError("is not an ONNX model: it holds no graph");
  if (proto->graph().node_size() == 0) {
    throw ModelError("no node makes the output" + (proto->graph().output_size() > 0
                                                       ? " " + in_quotes(proto->graph().output(0).name())
                                                       : std::string()));
  }
  if (graph->opset < oldest_opset || graph->opset > newest_opset) {
    throw ModelError("uses opset " + std::to_string(graph->opset) + "; " + std::to_string(oldest_opset) +
                     " to " + std::to_string(newest_opset) + " are supported: export with opset_version=13");
  }
  graph->producer =
      proto->producer_name() + (proto->producer_version().empty() ? "" : " " + proto->producer_version());
  for (const auto& entry : proto->metadata_props()) graph->metadata[entry.key()] = entry.value();
  const auto own_map = graph->metadata.find("fibflow.output_map");
  graph->output_map = output_map.empty() && own_map != graph->metadata.end() ? own_map->second : output_map;

  embed_external(*proto, folder);
  const TensorReader reader(proto);
  if (proto->graph().sparse_initializer_size() > 0)
    throw ModelError("initializer " + in_quotes(proto->graph().sparse_initializer(0).values().name()) +
                     ": is sparse, which is not supported");
  for (const onnx::TensorProto& t : proto->graph().initializer()) {
    if (t.data_type() == onnx::TensorProto::DOUBLE) {
      throw ModelError("initializer " + in_quotes(t.name()) +
                       ": holds float64 values; export the model in float32");
    }
    Constant c = reader.read(t, "initializer " + in_quotes(t.name()));
    if (!c.integral) graph->parameters += c.floats.size();
    if (!graph->constants.emplace(t.name(), std::move(c)).second)
      throw ModelError("initializer " + in_quotes(t.name()) + ": exists twice");
  }
  read_input(*graph, proto->graph());
  if (proto->graph().node_size() > most_nodes) throw ModelError("has more nodes than any U-Net");
  std::vector<Node> nodes;
  for (const onnx::NodeProto& n : proto->graph().node()) {
    nodes.push_back(read_node(n, reader));
    ++graph->operators[nodes.back().op];
    if (nodes.back().outputs.empty()) throw NodeError(nodes.back(), "makes nothing");
  }
  std::set<std::string> given{graph->input};
  for (const auto& [name, unused] : graph->constants) given.insert(name);
  check_order(nodes, std::move(given));
  choose_output(*graph, proto->graph(), nodes);
  fold(*graph, std::move(nodes));
  return graph;
}

}  // namespace

std::string read_model_file(const std::filesystem::path& file) {
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (!std::filesystem::exists(status)) throw ModelMissing(file.string() + ": there is no such file");
  if (std::filesystem::is_directory(status))
    throw ModelError(file.string() + ": is a folder, not an ONNX model");
  if (!std::filesystem::is_regular_file(status)) throw ModelError(file.string() + ": is not a regular file");
  const auto size = std::filesystem::file_size(file, error);
  if (error || size > largest_file)
    throw ModelError(file.string() + ": is larger than an ONNX file can be (2 GiB)");
  std::ifstream in(file, std::ios::binary);
  std::string bytes(size, '\0');
  if (!in || (size > 0 && !in.read(bytes.data(), static_cast<std::streamsize>(size)))) {
    throw ModelError(file.string() + ": cannot be read: " + std::strerror(errno));
  }
  return bytes;
}

namespace {

constexpr const char* convert_hint =
    "export the network with its weights loaded, as `tools/export_onnx.py CHECKPOINT --class "
    "package.Network` does";

/// A zip archive, as torch.save() writes it since 1.6, or a pickle, as it did before.
bool is_pytorch(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  using namespace std::string_view_literals;
  return text.starts_with("PK\x03\x04"sv) || text.starts_with("\x80\x02\x8a\x0a"sv) ||
         text.starts_with("\x80\x02}q"sv);
}

}  // namespace

std::shared_ptr<Graph> read_graph(std::span<const std::byte> bytes, const std::filesystem::path& folder,
                                  const std::string& output_map) {
  auto proto = std::make_shared<onnx::ModelProto>();
  google::protobuf::LogSilencer silence;
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                                static_cast<int>(bytes.size()));
  if (bytes.empty()) throw ModelError("is empty");
  if (is_pytorch(bytes))
    throw ModelError("is a PyTorch checkpoint, not an ONNX model: it holds weights without their network; " +
                     std::string(convert_hint));
  if (!proto->ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage()) {
    throw ModelError("is not an ONNX model, or it is damaged (the protobuf cannot be parsed)");
  }
  return graph_of(proto, folder, output_map);
}

}  // namespace fibflow::model
