#pragma once

// Internal to model/onnx: the only files that know protobuf are these and unet.cpp.

#include <onnx/onnx_pb.h>

#include <filesystem>
#include <memory>
#include <string>

#include "model/onnx/graph.h"

namespace fibflow::model {

/// 'TEXT'.
std::string in_quotes(const std::string& text);
/// The name of an ONNX data type, or its number.
std::string type_name(int type);

/// A node's name, or its first output's if it has none.
std::string name_of(const onnx::NodeProto& proto);

/// Puts the tensors that lie in files beside the model into it, wherever it names them: initializers and the attributes
/// of nodes. Throws ModelError that names the owner: external data that is missing, too short, not float32 or outside
/// the folder.
void embed_external(onnx::ModelProto& proto, const std::filesystem::path& folder);

/// Reads tensors out of a ModelProto and keeps it alive for those that are used in place.
class TensorReader {
 public:
  explicit TensorReader(std::shared_ptr<const onnx::ModelProto> proto) : proto_(std::move(proto)) {}

  /// owner is "initializer 'NAME'" or a node's label. Throws ModelError that names it if the tensor is impossible or
  /// not supported.
  Constant read(const onnx::TensorProto& t, const std::string& owner) const;

 private:
  Constant floats_in_place(const onnx::TensorProto& t, std::int64_t n, std::vector<std::int64_t> dims) const;

  std::shared_ptr<const onnx::ModelProto> proto_;
};

}  // namespace fibflow::model
