#pragma once

// Internal to model/.

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "model/onnx/graph.h"

namespace fibflow::model {

/// Reads a file. Throws ModelMissing, or ModelError that names the file and the reason.
std::string read_model_file(const std::filesystem::path& file);

/// The graph in an ONNX file's bytes; folder is where external data lies. Nothing is tried out yet: shapes may not
/// fit. output_map: which map it gives out, see Network::load(). Throws ModelError that names the node and the reason, but
/// not the file.
std::shared_ptr<Graph> read_graph(std::span<const std::byte> bytes, const std::filesystem::path& folder,
                                  const std::string& output_map);

}  // namespace fibflow::model
