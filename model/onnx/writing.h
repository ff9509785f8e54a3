#pragma once

// Internal to model/.

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "model/onnx/graph.h"

namespace fibflow::model {

/// See Network::with_statistics(). Throws std::invalid_argument for another network's statistics, ModelError (without the
/// file's name) if the result is larger than an ONNX file can be.
std::string with_statistics(const Graph& graph, const Statistics& statistics,
                            const std::map<std::string, std::string>& metadata);

/// See Network::visit_content().
void visit_content(const Graph& graph, const std::function<void(std::string_view)>& visit);

}  // namespace fibflow::model
