#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "model/tile/network.h"

namespace fibflow::cli {

/// What a model file is: as JSON (path and kind "model" first), and for people.
struct ModelDescription {
  nlohmann::ordered_json json() const;
  std::string text() const;

  std::string path;
  model::Network network;
};

/// Throws model::ModelError.
ModelDescription describe_model(const std::string& path, const std::string& output_map);

}  // namespace fibflow::cli
