#include "pipeline/cli/model_description.h"

#include <nlohmann/json.hpp>

#include "model/error.h"

namespace fibflow::cli {

nlohmann::ordered_json ModelDescription::json() const {
  return {{"path", path}, {"kind", "model"}};
}

std::string ModelDescription::text() const {
  return path + "\n";
}

ModelDescription describe_model(const std::string& path) {
  throw model::ModelError(path + ": models cannot be described yet");
}

}  // namespace fibflow::cli
