#pragma once

// Internal to model/: how a graph's nodes become operations, once the slice's size is known. Integer subgraphs are
// evaluated on the way, and every feature map has a size.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/onnx/graph.h"
#include "model/steps/operation.h"

namespace fibflow::model {

constexpr int largest_side = 1 << 20;
constexpr int most_channels = 1 << 16;

/// Sizes travel as ints from here on: what does not fit one is wrong or hostile. Throws NodeError.
int checked_int(const Node& node, std::int64_t v, std::int64_t lowest, std::int64_t highest,
                const char* what);

/// "channels x height x width".
std::string size_text(const Feature& f);

/// Whose sizes have to fit: while one axis is searched, the other one does not matter.
enum class Axes { both, y, x };

/// What a graph's names stand for, at one size of slice.
struct NamedValues {
  std::unordered_map<std::string, Feature> maps;  ///< but for those with their channels last
  std::unordered_map<std::string, Constant> computed;
};

/// A graph for one size of slice.
struct LoweredGraph {
  std::vector<Feature> features;                       ///< the image first
  std::vector<std::unique_ptr<Operation>> operations;  ///< in an order that can be run
  std::vector<int> batch_norm_operation;               ///< [BatchNorms] index of the operation; -1: none
  int output = 0;                                      ///< feature
};

/// Reads a graph's nodes one after the other. The operators' functions (operators.h) call it. Not thread-safe.
class Lowering {
 public:
  using Ints = std::vector<std::int64_t>;

  /// Throws NodeError for what is not supported or does not fit, SizeMisfit if another size might do.
  static LoweredGraph lower(const Graph& graph, int height, int width, Axes axes);

  /// Throws as lower() does.
  static NamedValues named_values(const Graph& graph, int height, int width);

  int opset() const { return graph_.opset; }
  const std::vector<BatchNorm>& batch_norms() const { return graph_.batch_norms; }
  /// Of a BatchNormalization node.
  int batch_norm_of(const Node& node) const { return graph_.batch_norm_of_node.at(node.outputs.at(0)); }

  // Values and maps by their names.
  const Constant* constant_input(const Node& node, std::size_t i) const;
  Ints ints_input(const Node& node, std::size_t i, const char* what) const;
  void set_value(const std::string& name, Constant value) { values_[name] = std::move(value); }
  bool is_feature(const std::string& name) const { return feature_of_.contains(name); }
  int feature_index(const Node& node, std::size_t i) const;
  const Feature& feature(const Node& node, std::size_t i) const { return feature(feature_index(node, i)); }
  const Feature& feature(int f) const { return lowered_.features[static_cast<std::size_t>(f)]; }

  /// Whether two maps fit each other on the axes that matter.
  bool same_size(const Feature& a, const Feature& b) const {
    return (axes_ == Axes::x || a.y.size == b.y.size) && (axes_ == Axes::y || a.x.size == b.x.size);
  }

  /// Adds an operation that makes `out` of features, under a name (the node's first output, if none is given).
  Operation& add(const Node& node, std::vector<int> inputs, Feature out, std::unique_ptr<Operation> op,
                 const std::string& name = {});

  /// The operation whose result this node alone reads, so that both can be done at once; nullptr if there is none.
  Operation* sole_producer(const Node& node);
  /// Gives the result of an operation the name of the node that was merged into it.
  void rename(const Node& node, int feature);
  /// The last operation, or the one that is added next, normalizes with a BatchNorm.
  void normalized_by_last(int batch_norm) { set_batch_norm(batch_norm, lowered_.operations.size() - 1); }
  void normalized_by_next(int batch_norm) { set_batch_norm(batch_norm, lowered_.operations.size()); }

  /// The node's result is its input, under another name.
  void alias(const Node& node);
  /// The same where the node may be what hides the input from being merged.
  void pass(const Node& node);

  /// Exporters before opset 13 move the channels to the last axis for a Softmax, and back again, and Keras keeps them there:
  /// a map under a name with its axes in another order.
  struct ChannelsLast {
    int feature = 0;
    Ints perm;
  };
  const ChannelsLast* channels_last(const std::string& name) const;
  void set_channels_last(const std::string& name, ChannelsLast map);
  /// The map has its channels in their place again.
  void set_feature(const std::string& name, int feature) { feature_of_[name] = feature; }

 private:
  Lowering(const Graph& graph, int height, int width, Axes axes);

  void run();
  [[noreturn]] void refuse_output() const;
  void lower(const Node& node);
  bool reads_pixels(const Node& node) const;
  bool lower_channels_last(const Node& node);
  const Constant* constant(const std::string& name) const;
  void compute(const Node& node);
  void set_batch_norm(int batch_norm, std::size_t operation) {
    lowered_.batch_norm_operation[static_cast<std::size_t>(batch_norm)] = static_cast<int>(operation);
  }

  const Graph& graph_;
  const Axes axes_;
  LoweredGraph lowered_;
  std::map<std::string, int> readers_;
  std::unordered_map<std::string, int> feature_of_;
  std::unordered_map<std::string, Constant> values_;
  std::unordered_map<std::string, ChannelsLast> channels_last_;
};

}  // namespace fibflow::model
