#pragma once

// Internal to model/: which ONNX operators there are. One file each; a new one is a line here and in operators.cpp.

#include "model/onnx/graph.h"

namespace fibflow::model {

class Lowering;

struct Operator {
  const char* name;  ///< of the ONNX operator
  /// Adds the operation, or operations, that a node is. Throws NodeError for what is not supported of it.
  void (*lower)(Lowering& lowering, const Node& node);
};

/// Throws NodeError for an operator that there is none of, with the reason if there is a good one.
const Operator& operator_named(const Node& node);

/// Throws NodeError for a network of the group- or instance-norm family, which its first Reshape would not name.
void refuse_measuring(const Graph& graph);

void lower_activation(Lowering& lowering, const Node& node);
void lower_arithmetic(Lowering& lowering, const Node& node);
void lower_batch_normalization(Lowering& lowering, const Node& node);
void lower_concat(Lowering& lowering, const Node& node);
void lower_convolution(Lowering& lowering, const Node& node);
void lower_expand(Lowering& lowering, const Node& node);
void lower_identity(Lowering& lowering, const Node& node);
void lower_negation(Lowering& lowering, const Node& node);
void lower_pad(Lowering& lowering, const Node& node);
void lower_pool(Lowering& lowering, const Node& node);
void lower_resize(Lowering& lowering, const Node& node);
void lower_shape(Lowering& lowering, const Node& node);
void lower_slice(Lowering& lowering, const Node& node);
void lower_softmax(Lowering& lowering, const Node& node);
void lower_split(Lowering& lowering, const Node& node);
void lower_transpose(Lowering& lowering, const Node& node);
void lower_transposed_convolution(Lowering& lowering, const Node& node);

}  // namespace fibflow::model
