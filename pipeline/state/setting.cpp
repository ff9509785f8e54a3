#include "pipeline/state/setting.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "io/error.h"
#include "io/files/sha256.h"
#include "model/engine/cpu.h"
#include "pipeline/options/version.h"

namespace fibflow::pipeline {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* instruction_set_name = "instruction set";

Json deciding(const ResolvedOptions& options) {
  Json json = json_of(options);
  for (const char* name : {"threads", "memory", "tile"}) json.erase(name);
  // Where it was taken from does not matter.
  for (const char* name : {"normalization", "threshold"}) {
    if (json.at(name).is_object()) json[name].erase("from");
  }
  return json;
}

std::string spoken(const Json& value) {
  return value.is_null() ? "none" : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// Names of the levels are joined with spaces.
std::string difference_at(const std::string& name, const Json& found, const Json& wanted) {
  if (found == wanted) return "";
  if (!found.is_object() || !wanted.is_object())
    return "another " + name + ": " + spoken(found) + ", not " + spoken(wanted);
  const auto inner = [&](const std::string& key) { return name.empty() ? key : name + " " + key; };
  for (const auto& [key, value] : wanted.items()) {
    std::string text = difference_at(inner(key), found.contains(key) ? found[key] : Json(), value);
    if (!text.empty()) return text;
  }
  for (const auto& [key, value] : found.items()) {
    if (!wanted.contains(key)) return difference_at(inner(key), value, Json());
  }
  return "";
}

}  // namespace

std::string digest_of(const model::Network& network) {
  io::Sha256 hash;
  network.visit_content([&](std::string_view part) { hash.add(part); });
  return hash.digest();
}

Json setting_of(const model::Network& network, const ResolvedOptions& options) {
  return {{"fibflow", version()},
          {instruction_set_name, model::name_of(model::instruction_set())},
          {"model (SHA-256)", digest_of(network)},
          {"option", deciding(options)}};
}

std::optional<std::string> instruction_set_of(const Json& setting) {
  const auto found = setting.find(instruction_set_name);
  if (found == setting.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

std::string difference(const Json& found, const Json& wanted) {
  return difference_at("", found, wanted);
}

void require_same_setting(const std::string& path, const Json& found, const Json& wanted,
                          const std::string& way_out) {
  const std::string text = difference(found, wanted);
  if (!text.empty())
    throw io::Error(io::ErrorKind::bad_data, path, "is of a run with " + text + " (" + way_out + ")");
}

std::string absolute_path(const std::string& path) {
  return path.empty() ? "" : std::filesystem::absolute(path).lexically_normal().string();
}

}  // namespace fibflow::pipeline
