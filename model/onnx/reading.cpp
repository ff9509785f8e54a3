#include "model/onnx/network.h"

#include <fcntl.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/stubs/logging.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <set>

#include "model/onnx/graph.h"
#include "model/tile/shaped_network.h"

namespace fibflow::model {
namespace {

using Ints = std::vector<std::int64_t>;

constexpr int oldest_opset = 11;
constexpr int newest_opset = 17;
constexpr int ordinary_size = 512;
constexpr int most_nodes = 20000;
// Larger than any U-Net; a dimension beyond it is a damaged or hostile file.
constexpr std::int64_t largest_tensor = std::int64_t{1} << 31;
constexpr std::uintmax_t largest_file = (std::uintmax_t{1} << 31) - 1;  // protobuf's sizes are ints

std::string in_quotes(const std::string& s) {
  return "'" + s + "'";
}

std::string type_name(int type) {
  return onnx::TensorProto_DataType_IsValid(type)
             ? onnx::TensorProto_DataType_Name(static_cast<onnx::TensorProto_DataType>(type))
             : std::to_string(type);
}

/// Copies raw little-endian values or the typed field out of a tensor.
template <typename T, typename Field>
std::vector<T> copied(const onnx::TensorProto& t, std::int64_t n, const Field& field) {
  std::vector<T> out(static_cast<std::size_t>(n));
  if (t.has_raw_data()) {
    std::memcpy(out.data(), t.raw_data().data(), out.size() * sizeof(T));
  } else {
    std::copy(field.begin(), field.end(), out.begin());
  }
  return out;
}

template <typename T>
Ints widened(const std::vector<T>& v) {
  return {v.begin(), v.end()};
}

/// Reads tensors out of a ModelProto and keeps it alive for those that are used in place.
class TensorReader {
 public:
  TensorReader(std::shared_ptr<const onnx::ModelProto> proto, std::filesystem::path folder)
      : proto_(std::move(proto)), folder_(std::move(folder)) {}

  /// owner is "initializer 'NAME'" or a node's label.
  Constant read(const onnx::TensorProto& t, const std::string& owner) const {
    const auto fail = [&owner](const std::string& reason) -> ModelError {
      return ModelError(owner + ": " + reason);
    };
    std::int64_t n = 1;
    for (const std::int64_t d : t.dims()) {
      if (d < 0 || (d > 0 && n > largest_tensor / d)) throw fail("has an impossible shape");
      n *= d;
    }
    const int type = t.data_type();
    const std::size_t width = byte_width(type);
    if (width == 0)
      throw fail("holds values of type " + type_name(type) + ", which is not supported; export in float32");
    if (t.data_location() == onnx::TensorProto::EXTERNAL) return external(t, n, owner);
    if (t.has_raw_data()) {
      if (t.raw_data().size() != static_cast<std::size_t>(n) * width) {
        throw fail("holds " + std::to_string(t.raw_data().size()) + " bytes where its shape asks for " +
                   std::to_string(static_cast<std::size_t>(n) * width));
      }
    } else if (typed_count(t, type) != n) {
      throw fail("holds " + std::to_string(typed_count(t, type)) + " values where its shape asks for " +
                 std::to_string(n));
    }
    Ints dims(t.dims().begin(), t.dims().end());
    switch (type) {
      case onnx::TensorProto::FLOAT:
        return floats_in_place(t, n, std::move(dims));
      case onnx::TensorProto::DOUBLE: {
        const auto v = copied<double>(t, n, t.double_data());
        return Constant::of_floats(std::move(dims), {v.begin(), v.end()});
      }
      case onnx::TensorProto::INT64:
        return Constant::of_ints(std::move(dims), copied<std::int64_t>(t, n, t.int64_data()));
      case onnx::TensorProto::INT32:
        return Constant::of_ints(std::move(dims), widened(copied<std::int32_t>(t, n, t.int32_data())));
      default:
        return Constant::of_ints(std::move(dims), widened(copied<std::uint8_t>(t, n, t.int32_data())));
    }
  }

 private:
  static std::size_t byte_width(int type) {
    switch (type) {
      case onnx::TensorProto::FLOAT:
      case onnx::TensorProto::INT32:
        return 4;
      case onnx::TensorProto::DOUBLE:
      case onnx::TensorProto::INT64:
        return 8;
      case onnx::TensorProto::BOOL:
      case onnx::TensorProto::UINT8:
        return 1;
      default:
        return 0;
    }
  }

  static std::int64_t typed_count(const onnx::TensorProto& t, int type) {
    switch (type) {
      case onnx::TensorProto::FLOAT:
        return t.float_data_size();
      case onnx::TensorProto::DOUBLE:
        return t.double_data_size();
      case onnx::TensorProto::INT64:
        return t.int64_data_size();
      default:
        return t.int32_data_size();
    }
  }

  Constant floats_in_place(const onnx::TensorProto& t, std::int64_t n, Ints dims) const {
    const char* raw =
        t.has_raw_data() ? t.raw_data().data() : reinterpret_cast<const char*>(t.float_data().data());
    if (reinterpret_cast<std::uintptr_t>(raw) % alignof(float) != 0) {
      return Constant::of_floats(std::move(dims), copied<float>(t, n, t.float_data()));
    }
    Constant c;
    c.dims = std::move(dims);
    c.floats = {reinterpret_cast<const float*>(raw), static_cast<std::size_t>(n)};
    c.keep = proto_;
    return c;
  }

  Constant external(const onnx::TensorProto& t, std::int64_t n, const std::string& owner) const {
    std::string location;
    std::int64_t offset = 0;
    std::int64_t length = -1;
    for (const auto& entry : t.external_data()) {
      try {
        if (entry.key() == "location") location = entry.value();
        if (entry.key() == "offset") offset = std::stoll(entry.value());
        if (entry.key() == "length") length = std::stoll(entry.value());
      } catch (const std::exception&) {
        throw ModelError(owner + ": its external data has an unreadable " + entry.key());
      }
    }
    // A model must not read files outside its own folder (ONNX: "external data must be relative").
    const std::filesystem::path relative(location);
    if (location.empty() || relative.is_absolute() || std::ranges::find(relative, "..") != relative.end()) {
      throw ModelError(owner + ": its external data lies outside the model's folder: " + in_quotes(location));
    }
    if (t.data_type() != onnx::TensorProto::FLOAT)
      throw ModelError(owner + ": external data must be float32");
    const std::int64_t bytes = n * 4;
    if (offset < 0 || (length >= 0 && length != bytes))
      throw ModelError(owner + ": its external data does not have the size of its shape");
    std::ifstream file(folder_ / relative, std::ios::binary);
    if (!file)
      throw ModelError(owner + ": its external data file " + in_quotes((folder_ / relative).string()) +
                       " cannot be opened");
    file.seekg(0, std::ios::end);
    if (file.tellg() < 0 || offset > static_cast<std::int64_t>(file.tellg()) - bytes) {
      throw ModelError(owner + ": its external data file " + in_quotes((folder_ / relative).string()) +
                       " is too short");
    }
    file.seekg(offset);
    std::vector<float> v(static_cast<std::size_t>(n));
    file.read(reinterpret_cast<char*>(v.data()), bytes);
    if (!file)
      throw ModelError(owner + ": its external data file " + in_quotes((folder_ / relative).string()) +
                       " cannot be read");
    return Constant::of_floats({t.dims().begin(), t.dims().end()}, std::move(v));
  }

  std::shared_ptr<const onnx::ModelProto> proto_;
  std::filesystem::path folder_;
};

Node read_node(const onnx::NodeProto& proto, const TensorReader& reader) {
  Node node;
  node.op = proto.op_type();
  node.name = !proto.name().empty() ? proto.name() : proto.output_size() > 0 ? proto.output(0) : "";
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

std::vector<float> channel_values(const Network::Graph& graph, const Node& node, std::size_t input,
                                  const char* what) {
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

void read_batch_norm(Network::Graph& graph, const Node& node) {
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

void check_weights(const Network::Graph& graph, const Node& node) {
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    if (node.has_input(i)) channel_values(graph, node, i, i == 1 ? "weight" : "bias");
  }
}

/// Splits the nodes into constants, which are computed now, and the network, which waits for its pixels.
void fold(Network::Graph& graph, std::vector<Node> nodes) {
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

void read_input_and_output(Network::Graph& graph, const onnx::GraphProto& proto) {
  std::vector<const onnx::ValueInfoProto*> images;
  for (const onnx::ValueInfoProto& value : proto.input()) {
    // Files of IR version 3 list initializers among the inputs.
    if (!graph.constants.contains(value.name())) images.push_back(&value);
  }
  std::vector<const onnx::ValueInfoProto*> outputs;
  for (const onnx::ValueInfoProto& value : proto.output()) outputs.push_back(&value);
  if (images.size() != 1)
    throw ModelError("has " + std::to_string(images.size()) + " image inputs" + listed(images) +
                     "; one is needed");
  if (proto.output_size() != 1)
    throw ModelError("has " + std::to_string(proto.output_size()) + " outputs" + listed(outputs) +
                     "; one is needed");
  graph.input = images[0]->name();
  graph.output = proto.output(0).name();
  const auto& type = images[0]->type().tensor_type();
  if (type.elem_type() != onnx::TensorProto::FLOAT)
    throw ModelError("its input " + in_quotes(graph.input) + " is " + type_name(type.elem_type()) +
                     "; float32 is needed");
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
  graph.input_channels = bounded(1);
  graph.declared_height = bounded(2);
  graph.declared_width = bounded(3);
  if (graph.input_channels == 0) graph.input_channels = 1;
}

std::shared_ptr<Network::Graph> read_graph(const std::shared_ptr<onnx::ModelProto>& proto,
                                           const std::filesystem::path& folder) {
  auto graph = std::make_shared<Network::Graph>();
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

  const TensorReader reader(proto, folder);
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
  read_input_and_output(*graph, proto->graph());
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
  fold(*graph, std::move(nodes));
  return graph;
}

/// What only shows with an image of some size: channels, the last node, the receptive field.
void try_out(Network::Graph& graph) {
  const bool fixed = graph.declared_height > 0 && graph.declared_width > 0;
  const ShapedNetwork shaped = fixed ? ShapedNetwork(graph, graph.declared_height, graph.declared_width)
                                     : ShapedNetwork::fit(graph, ordinary_size, ordinary_size);
  graph.output_channels = shaped.output().channels;
  graph.output_kind = shaped.output_kind();
  graph.stride = shaped.alignment();
  graph.radius = shaped.receptive_field_radius();
  const std::vector<Region> used =
      shaped.regions({{0, shaped.slice_height()}, {0, shaped.slice_width()}}, false);
  for (std::size_t b = 0; b < graph.batch_norms.size(); ++b) {
    const int op = shaped.operation_of_batch_norm(static_cast<int>(b));
    if (op < 0 ||
        used[static_cast<std::size_t>(shaped.operations()[static_cast<std::size_t>(op)].output)].empty()) {
      throw ModelError("node '" + graph.batch_norms[b].name +
                       "' (BatchNormalization): its result is not used");
    }
  }
}

std::string read_file(const std::filesystem::path& file) {
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

std::shared_ptr<const Network::Graph> parsed(std::span<const std::byte> bytes, const std::string& name,
                                             const std::filesystem::path& folder) {
  try {
    auto proto = std::make_shared<onnx::ModelProto>();
    google::protobuf::LogSilencer silence;
    google::protobuf::io::CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                                  static_cast<int>(bytes.size()));
    if (bytes.empty()) throw ModelError("is empty");
    if (!proto->ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage()) {
      throw ModelError("is not an ONNX model, or it is damaged (the protobuf cannot be parsed)");
    }
    auto graph = read_graph(proto, folder);
    graph->name = name;
    try_out(*graph);
    return graph;
  } catch (const ModelError& e) {
    throw ModelError(printable(name + ": " + e.what()));
  }
}

}  // namespace

const char* const export_hint =
    "export it with torch.onnx.export(model.eval(), ..., training=torch.onnx.TrainingMode.PRESERVE, "
    "do_constant_folding=False) so that its BatchNormalization layers are kept";

std::string printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

std::string Node::label() const {
  return "node '" + name + "' (" + op + ")";
}

std::int64_t Node::integer(const std::string& attribute, std::int64_t fallback) const {
  const auto it = attributes.find(attribute);
  return it == attributes.end() ? fallback : it->second.i;
}

float Node::real(const std::string& attribute, float fallback) const {
  const auto it = attributes.find(attribute);
  return it == attributes.end() ? fallback : it->second.f;
}

std::string Node::text(const std::string& attribute, const std::string& fallback) const {
  const auto it = attributes.find(attribute);
  return it == attributes.end() ? fallback : it->second.s;
}

std::vector<std::int64_t> Node::integers(const std::string& attribute,
                                         const std::vector<std::int64_t>& fallback) const {
  const auto it = attributes.find(attribute);
  return it == attributes.end() ? fallback : it->second.ints;
}

Network::Network(std::shared_ptr<const Graph> graph) : graph_(std::move(graph)) {}

Network Network::load(const std::filesystem::path& file) {
  const std::string bytes = read_file(file);
  return Network(parsed(std::as_bytes(std::span(bytes)), file.string(), file.parent_path()));
}

Network Network::parse(std::span<const std::byte> bytes, const std::string& name) {
  return Network(parsed(bytes, name, {}));
}

const std::string& Network::name() const {
  return graph_->name;
}
int Network::opset() const {
  return graph_->opset;
}
std::string Network::producer() const {
  return graph_->producer;
}
int Network::input_channels() const {
  return graph_->input_channels;
}
int Network::output_channels() const {
  return graph_->output_channels;
}
Network::Output Network::output() const {
  return graph_->output_kind;
}
const std::vector<BatchNorm>& Network::batch_norms() const {
  return graph_->batch_norms;
}

Statistics Network::source_statistics() const {
  Statistics s;
  for (const BatchNorm& bn : graph_->batch_norms) s.layers.push_back(bn.source);
  return s;
}

std::map<std::string, int> Network::operators() const {
  return graph_->operators;
}
std::size_t Network::parameters() const {
  return graph_->parameters;
}
const std::map<std::string, std::string>& Network::metadata() const {
  return graph_->metadata;
}
int Network::receptive_field_radius() const {
  return graph_->radius;
}
int Network::stride() const {
  return graph_->stride;
}

std::string Network::with_statistics(const Statistics& statistics,
                                     const std::map<std::string, std::string>& metadata) const {
  if (statistics.layers.size() != graph_->batch_norms.size())
    throw std::invalid_argument("statistics of another network");
  onnx::ModelProto model = *static_cast<const onnx::ModelProto*>(graph_->proto.get());
  onnx::GraphProto& graph = *model.mutable_graph();

  std::set<std::string> taken;
  for (const auto& t : graph.initializer()) taken.insert(t.name());
  for (const auto& n : graph.node()) taken.insert(n.output().begin(), n.output().end());
  const auto add = [&](const std::string& wish, const std::vector<float>& values) {
    std::string name = wish;
    for (int i = 1; !taken.insert(name).second; ++i) name = wish + "_" + std::to_string(i);
    onnx::TensorProto& t = *graph.add_initializer();
    t.set_name(name);
    t.set_data_type(onnx::TensorProto::FLOAT);
    t.add_dims(static_cast<std::int64_t>(values.size()));
    t.set_raw_data(values.data(), values.size() * sizeof(float));
    return name;
  };
  for (onnx::NodeProto& node : *graph.mutable_node()) {
    if (node.op_type() != "BatchNormalization") continue;
    const auto index = static_cast<std::size_t>(graph_->batch_norm_of_node.at(node.output(0)));
    const BatchNorm& bn = graph_->batch_norms[index];
    const LayerStatistics& layer = statistics.layers[index];
    if (layer.mean.size() != bn.gamma.size() || layer.variance.size() != bn.gamma.size())
      throw std::invalid_argument("statistics of another network");
    node.set_input(3, add(bn.name + ".adapted_mean", layer.mean));
    node.set_input(4, add(bn.name + ".adapted_var", layer.variance));
  }

  // Weights that lie beside the file would have to be carried along with it.
  for (onnx::TensorProto& t : *graph.mutable_initializer()) {
    if (t.data_location() != onnx::TensorProto::EXTERNAL) continue;
    const std::span<const float> values = graph_->constants.at(t.name()).floats;
    t.clear_external_data();
    t.clear_data_location();
    t.set_raw_data(values.data(), values.size_bytes());
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
  std::set<std::string> kept{graph_->input};
  for (const auto& t : graph.initializer()) kept.insert(t.name());
  inputs.erase(
      std::remove_if(inputs.begin(), inputs.end(), [&](const auto& v) { return !kept.contains(v.name()); }),
      inputs.end());

  std::map<std::string, std::string> all = graph_->metadata;
  for (const auto& [key, value] : metadata) all[key] = value;
  model.clear_metadata_props();
  for (const auto& [key, value] : all) {
    auto& entry = *model.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
  std::string bytes;
  if (model.ByteSizeLong() > largest_file || !model.SerializeToString(&bytes))
    throw ModelError(name() + ": with its weights in it, it is larger than an ONNX file can be (2 GiB)");
  return bytes;
}

}  // namespace fibflow::model
