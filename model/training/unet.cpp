#include "model/training/unet.h"

#include <onnx/onnx_pb.h>

#include <cmath>
#include <numbers>
#include <stdexcept>

namespace fibflow::model {
namespace {

using Ints = std::vector<std::int64_t>;

std::int64_t product(const Ints& dims) {
  std::int64_t n = 1;
  for (const std::int64_t d : dims) n *= d;
  return n;
}

/// Walks the network once and hands out its nodes and tensors.
class Builder {
 public:
  explicit Builder(const UNet& shape) : shape_(shape) {
    if (shape.channels < 1 || shape.channels > 1024)
      throw std::invalid_argument("a U-Net has 1 to 1024 channels");
    if (shape.depth < 0 || shape.depth > 8) throw std::invalid_argument("a U-Net has a depth of 0 to 8");
    if (shape.kernel != 1 && shape.kernel != 3)
      throw std::invalid_argument("a U-Net's convolutions are 1 x 1 or 3 x 3");
    if (shape.input_channels < 1 || shape.output_channels < 1)
      throw std::invalid_argument("a U-Net has inputs and outputs");
  }

  std::function<void(const UNetTensor&)> on_tensor;
  std::function<void(onnx::NodeProto)> on_node;

  void run() {
    std::vector<std::string> skips;
    std::string x = "image";
    int in = shape_.input_channels;
    for (int k = 0; k <= shape_.depth; ++k) {
      if (k > 0) x = pool(x, k);
      x = twice(x, "enc." + std::to_string(k), in, channels(k));
      in = channels(k);
      skips.push_back(x);
    }
    for (int j = 0; j < shape_.depth; ++j) {
      const int k = shape_.depth - 1 - j;
      const std::string up =
          convolution(x, "up." + std::to_string(j), channels(k + 1), channels(k), 2, true, true);
      const std::string joined = "join." + std::to_string(j);
      onnx::NodeProto node = make("Concat", joined, {skips[static_cast<std::size_t>(k)], up}, joined);
      add(node, "axis", 1);
      on_node(node);
      x = twice(joined, "dec." + std::to_string(j), 2 * channels(k), channels(k));
    }
    convolution(x, "head", channels(0), shape_.output_channels, 1, false, true, "logits");
  }

 private:
  int channels(int level) const { return shape_.channels << level; }

  static onnx::NodeProto make(const std::string& op, const std::string& name,
                              const std::vector<std::string>& inputs, const std::string& output) {
    onnx::NodeProto node;
    node.set_op_type(op);
    node.set_name(name);
    for (const std::string& i : inputs) node.add_input(i);
    node.add_output(output);
    return node;
  }

  static void add(onnx::NodeProto& node, const std::string& name, std::int64_t value) {
    auto& a = *node.add_attribute();
    a.set_name(name);
    a.set_type(onnx::AttributeProto::INT);
    a.set_i(value);
  }

  static void add(onnx::NodeProto& node, const std::string& name, const Ints& values) {
    auto& a = *node.add_attribute();
    a.set_name(name);
    a.set_type(onnx::AttributeProto::INTS);
    for (const std::int64_t v : values) a.add_ints(v);
  }

  void tensor(const std::string& name, Ints dims) { on_tensor({name, std::move(dims)}); }

  std::string pool(const std::string& x, int level) {
    std::string name = "pool." + std::to_string(level - 1);
    onnx::NodeProto node = make("MaxPool", name, {x}, name);
    add(node, "kernel_shape", Ints{2, 2});
    add(node, "strides", Ints{2, 2});
    on_node(node);
    return name;
  }

  std::string convolution(const std::string& x, const std::string& name, int in, int out, int kernel,
                          bool transposed, bool bias, const std::string& output = "") {
    tensor(name + ".weight", transposed ? Ints{in, out, kernel, kernel} : Ints{out, in, kernel, kernel});
    std::vector<std::string> inputs = {x, name + ".weight"};
    if (bias) {
      tensor(name + ".bias", {out});
      inputs.push_back(name + ".bias");
    }
    onnx::NodeProto node =
        make(transposed ? "ConvTranspose" : "Conv", name, inputs, output.empty() ? name : output);
    add(node, "kernel_shape", Ints{kernel, kernel});
    add(node, "strides", transposed ? Ints{kernel, kernel} : Ints{1, 1});
    const std::int64_t pad = transposed ? 0 : kernel / 2;
    add(node, "pads", Ints{pad, pad, pad, pad});
    on_node(node);
    return node.output(0);
  }

  std::string twice(std::string x, const std::string& name, int in, int out) {
    // PyTorch numbers convolution, BatchNorm and ReLU 0, 1, 2 and 3, 4, 5.
    for (const int first : {0, 3}) {
      const std::string conv = name + "." + std::to_string(first);
      const std::string norm = name + "." + std::to_string(first + 1);
      x = convolution(x, conv, first == 0 ? in : out, out, shape_.kernel, false, false);
      std::vector<std::string> inputs = {x};
      for (const char* what : {".weight", ".bias", ".running_mean", ".running_var"}) {
        tensor(norm + what, {out});
        inputs.push_back(norm + what);
      }
      onnx::NodeProto node = make("BatchNormalization", norm, inputs, norm);
      auto& a = *node.add_attribute();
      a.set_name("epsilon");
      a.set_type(onnx::AttributeProto::FLOAT);
      a.set_f(shape_.epsilon);
      on_node(node);
      x = name + "." + std::to_string(first + 2);
      on_node(make("Relu", x, {norm}, x));
    }
    return x;
  }

  UNet shape_;
};

void declare(onnx::ValueInfoProto& value, const std::string& name, int channels) {
  value.set_name(name);
  auto& type = *value.mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx::TensorProto::FLOAT);
  type.mutable_shape()->add_dim()->set_dim_param("batch");
  type.mutable_shape()->add_dim()->set_dim_value(channels);
  type.mutable_shape()->add_dim()->set_dim_param("height");
  type.mutable_shape()->add_dim()->set_dim_param("width");
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers everywhere, unlike the standard distributions.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  double uniform() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    z ^= z >> 31U;
    return (static_cast<double>(z >> 11U) + 0.5) * 0x1p-53;
  }

  /// Box and Muller.
  double normal() { return std::sqrt(-2 * std::log(uniform())) * std::cos(2 * std::numbers::pi * uniform()); }

 private:
  std::uint64_t state_;
};

bool ends_with(const std::string& s, const char* end) {
  return s.ends_with(end);
}

}  // namespace

std::vector<UNetTensor> tensors_of(const UNet& shape) {
  std::vector<UNetTensor> tensors;
  Builder builder(shape);
  builder.on_tensor = [&](const UNetTensor& t) { tensors.push_back(t); };
  builder.on_node = [](const onnx::NodeProto&) {};
  builder.run();
  return tensors;
}

std::string unet_onnx(const UNet& shape, const std::function<std::vector<float>(const UNetTensor&)>& values,
                      const std::map<std::string, std::string>& metadata) {
  onnx::ModelProto model;
  model.set_ir_version(7);
  model.set_producer_name("fibflow");
  model.add_opset_import()->set_version(13);
  onnx::GraphProto& graph = *model.mutable_graph();
  graph.set_name("unet");
  declare(*graph.add_input(), "image", shape.input_channels);
  declare(*graph.add_output(), "logits", shape.output_channels);
  Builder builder(shape);
  builder.on_tensor = [&](const UNetTensor& t) {
    const std::vector<float> v = values(t);
    if (static_cast<std::int64_t>(v.size()) != product(t.dims))
      throw std::invalid_argument("values of another size for " + t.name);
    onnx::TensorProto& proto = *graph.add_initializer();
    proto.set_name(t.name);
    proto.set_data_type(onnx::TensorProto::FLOAT);
    for (const std::int64_t d : t.dims) proto.add_dims(d);
    proto.set_raw_data(v.data(), v.size() * sizeof(float));
  };
  builder.on_node = [&](onnx::NodeProto node) { *graph.add_node() = std::move(node); };
  builder.run();
  for (const auto& [key, value] : metadata) {
    auto& entry = *model.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
  return model.SerializeAsString();
}

std::vector<float> initial_values(const UNetTensor& tensor, std::uint64_t seed) {
  const auto n = static_cast<std::size_t>(product(tensor.dims));
  if (tensor.dims.size() != 4) {
    const bool one = ends_with(tensor.name, ".running_var") ||
                     (ends_with(tensor.name, ".weight") && tensor.dims.size() == 1);
    return std::vector<float>(n, one ? 1.0F : 0.0F);
  }
  // Each tensor has its own stream: its values do not depend on what comes before it.
  for (const char c : tensor.name) seed = (seed ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  Random random(seed);
  const bool transposed = tensor.name.starts_with("up.");
  const double fan_in = transposed ? static_cast<double>(tensor.dims[0])
                                   : static_cast<double>(tensor.dims[1] * tensor.dims[2] * tensor.dims[3]);
  std::vector<float> v(n);
  for (float& x : v) x = static_cast<float>(random.normal() * std::sqrt(2 / fan_in));
  return v;
}

}  // namespace fibflow::model
