#include "pipeline/report/run_setting.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <vector>

#include "io/error.h"
#include "io/files/file_identity.h"
#include "io/files/sha256.h"
#include "pipeline/options/version.h"

namespace fibflow::pipeline {
namespace {

using Json = nlohmann::ordered_json;

/// So that a run may be gone on with from another working directory.
std::string absolute(const std::string& path) {
  return path.empty() ? "" : std::filesystem::absolute(path).lexically_normal().string();
}

Json files_json(const io::Stack& stack) {
  Json files = Json::object();
  for (const std::string& file : stack.files()) {
    const auto identity = io::identify(file);
    if (!identity) throw io::Error(io::ErrorKind::missing, file, "is gone, or is no regular file");
    files[absolute(file)] = {{"bytes", identity->size}, {"modified (ns since 1970)", identity->modified_ns}};
  }
  return files;
}

/// What decides the result of the options that a report tells.
Json options_json(const RunReport& report) {
  Json options = report.json().at("options");
  // Threads change no bit, and of memory and tile size only what was planned with them counts.
  for (const char* name : {"threads", "memory", "tile"}) options.erase(name);
  // Where it was taken from does not matter.
  for (const char* name : {"normalization", "threshold"}) {
    if (options.at(name).is_object()) options[name].erase("from");
  }
  return options;
}

/// Calls different(name, theirs, ours) for the first leaf that is not the same; names are joined with spaces.
template <typename Different>
void compare(const std::string& name, const Json& theirs, const Json& ours, const Different& different) {
  if (theirs == ours) return;
  if (!theirs.is_object() || !ours.is_object()) return different(name, theirs, ours);
  const auto inner = [&](const std::string& key) { return name.empty() ? key : name + " " + key; };
  for (const auto& [key, value] : ours.items())
    compare(inner(key), theirs.contains(key) ? theirs[key] : Json(), value, different);
  for (const auto& [key, value] : theirs.items()) {
    if (!ours.contains(key)) compare(inner(key), value, Json(), different);
  }
}

const char* name_of(io::Compression compression) {
  switch (compression) {
    case io::Compression::none:
      return "none";
    case io::Compression::deflate:
      return "deflate";
    case io::Compression::zstd:
      return "zstd";
  }
  throw std::logic_error("not a compression");
}

std::string spoken(const Json& value) {
  return value.is_null() ? "none" : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Json run_setting(const RunReport& report, const io::Stack& stack, const model::Network& network,
                 const OutputOptions& output) {
  const RunReport::Tiles& plan = report.plan.value();
  const Json told = report.json();
  Json input = told.at("input");
  input["path"] = absolute(stack.info().path);
  return {{"fibflow", version()},
          {"model (SHA-256)", io::sha256(network.with_statistics(network.source_statistics(), {}))},
          {"input", input},
          {"file", files_json(stack)},
          {"option", options_json(report)},
          {"tiles",
           {{"rows", plan.rows}, {"columns", plan.columns}, {"height", plan.height}, {"width", plan.width}}},
          {"output",
           {{"masks", absolute(output.mask)},
            {"probabilities", absolute(output.probability)},
            {"type of the probabilities",
             output.probability.empty() ? "none" : io::name_of(output.probability_type)},
            {"compression", name_of(output.compression)}}}};
}

void require_same_run(const std::string& path, const Json& found, const Json& wanted) {
  compare("", found, wanted, [&](const std::string& name, const Json& theirs, const Json& ours) {
    throw io::Error(io::ErrorKind::bad_data, path,
                    "is of a run with another " + name + ": " + spoken(theirs) + ", not " + spoken(ours) +
                        " (remove it to begin anew)");
  });
}

}  // namespace fibflow::pipeline
