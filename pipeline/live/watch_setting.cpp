#include "pipeline/live/watch_setting.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>

#include "io/error.h"
#include "io/files/sha256.h"
#include "pipeline/options/resolve_options.h"
#include "pipeline/options/version.h"

namespace fibflow::pipeline {
namespace {

using Json = nlohmann::ordered_json;

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file.good() && !file.eof()) throw io::Error(io::ErrorKind::read_write, path, "cannot be read");
  return bytes;
}

}  // namespace

std::string absolute_path(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::weakly_canonical(std::filesystem::absolute(path, ignored), ignored).string();
}

ResolvedOptions resolve_watch_options(const model::Network& network, const WatchOptions& options,
                                      const InputOptions& input, AdaptationOptions adaptation,
                                      const ResourceOptions& resources) {
  if (adaptation.recipe == Recipe::two_pass) {
    throw std::invalid_argument("a live acquisition cannot be adapted to in two passes");
  }
  adaptation.probe_order = ProbeOrder::first;
  OutputOptions output;
  output.threshold = options.threshold;
  io::StackInfo stack;
  stack.depth = 1;
  ResolvedOptions resolved = resolve_options(input, adaptation, output, resources, stack, network);
  resolved.end_slice = 0;
  return resolved;
}

Json watch_setting(const WatchOptions& options, const ResolvedOptions& resolved) {
  const AcquisitionOptions& acquisition = options.acquisition;
  const LiveOutputOptions& output = options.output;
  Json setting{{"fibflow", version()},
               {"model", io::sha256(bytes_of(options.model))},
               {"folder", absolute_path(acquisition.folder)},
               {"pattern", acquisition.pattern},
               {"recursive", acquisition.recursive},
               {"first", acquisition.first ? Json(*acquisition.first) : Json()},
               {"step", acquisition.step},
               {"probabilities", output.probability ? io::name_of(output.probability_type) : "none"},
               {"compression", static_cast<int>(output.compression)}};
  RunReport report;
  report.options = resolved;
  const Json told = report.json();
  for (const auto& [name, value] : told.at("options").items()) {
    // Threads change no bit.
    if (name != "threads") setting["option " + name] = value;
  }
  return setting;
}

}  // namespace fibflow::pipeline
