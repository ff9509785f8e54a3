#pragma once

// Internal to model/: an ONNX graph without its protobuf, and constants that can be computed before any pixel
// is seen.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/error.h"
#include "model/statistics/statistics.h"

namespace fibflow::model {

/// A tensor whose value is known: a weight, or a number that an exporter computes from shapes.
/// Either integers or floats; ONNX's booleans and all integer types are integers here, doubles are floats.
struct Constant {
  std::vector<std::int64_t> dims;
  bool integral = false;
  std::vector<std::int64_t> ints;  ///< if integral
  std::span<const float> floats;   ///< otherwise; owned by keep
  std::shared_ptr<const void> keep;

  std::int64_t size() const;
  double at(std::size_t i) const { return integral ? static_cast<double>(ints[i]) : floats[i]; }

  static Constant of_ints(std::vector<std::int64_t> dims, std::vector<std::int64_t> values);
  static Constant of_floats(std::vector<std::int64_t> dims, std::vector<float> values);
};

struct Attribute {
  std::int64_t i = 0;
  float f = 0;
  std::string s;
  std::vector<std::int64_t> ints;
  std::vector<float> floats;
  std::optional<Constant> tensor;
  bool is_tensor_missing = false;
};

struct Node {
  std::string name;
  std::string op;
  std::vector<std::string> inputs;  ///< "" is an input that was left out
  std::vector<std::string> outputs;
  std::map<std::string, Attribute> attributes;

  /// "node 'NAME' (OP)".
  std::string label() const;
  bool has_input(std::size_t i) const { return i < inputs.size() && !inputs[i].empty(); }
  std::int64_t integer(const std::string& attribute, std::int64_t fallback) const;
  float real(const std::string& attribute, float fallback) const;
  std::string text(const std::string& attribute, const std::string& fallback) const;
  std::vector<std::int64_t> integers(const std::string& attribute,
                                     const std::vector<std::int64_t>& fallback) const;
};

/// Thrown while a graph is read or shaped; the caller puts the file's name before it.
class NodeError : public ModelError {
 public:
  NodeError(const Node& node, const std::string& reason) : ModelError(node.label() + ": " + reason) {}
  using ModelError::ModelError;
};

/// A NodeError that another slice size might avoid.
class SizeMisfit : public NodeError {
 public:
  using NodeError::NodeError;
};

/// What an ONNX file holds.
struct Graph {
  std::string name;
  int opset = 0;
  std::string producer;
  std::vector<Node> nodes;                              ///< topological order, constant nodes folded away
  std::unordered_map<std::string, Constant> constants;  ///< initializers and folded nodes
  std::string input;
  std::string output;
  std::string
      output_map;  ///< how the output was chosen, as the user says it; empty: it is the file's only one
  int input_channels = 0;
  bool channels_last = false;  ///< its image is [N, H, W, C], as Keras has it
  double gray_levels = 1;      ///< of its image: 1 for floats, 255 for uint8, 65535 for uint16
  int declared_height = 0;     ///< 0 if dynamic
  int declared_width = 0;
  std::map<std::string, std::string> metadata;
  std::map<std::string, int> operators;
  std::size_t parameters = 0;
  std::vector<BatchNorm> batch_norms;
  std::unordered_map<std::string, int> batch_norm_of_node;  ///< first output of the node -> index
  std::shared_ptr<const void> proto;  ///< the file's ModelProto, with the weights that lay beside it
};

/// Names come from files: what would move a terminal's cursor is replaced.
std::string printable(std::string text);

/// The value of a node all of whose inputs are known (nullptr for one that was left out).
/// Throws NodeError if the operator or the operands are not among those that exporters leave for shapes.
Constant evaluate(const Node& node, const std::vector<const Constant*>& inputs, int opset);

}  // namespace fibflow::model
