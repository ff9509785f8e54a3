#include "pipeline/segment/segment_setting.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/error.h"
#include "io/files/file_identity.h"
#include "io/files/sha256.h"
#include "pipeline/state/setting.h"

namespace fibflow::pipeline {
namespace {

using Json = nlohmann::ordered_json;

io::FileIdentity identity_of(const std::string& file) {
  const auto identity = io::identify(file);
  if (!identity) throw io::Error(io::ErrorKind::missing, file, "is gone, or is no regular file");
  return *identity;
}

/// Of each file, what it is known by; of very many, of some together: a setting is kept in memory and in each checkpoint.
Json files_json(const io::Stack& stack) {
  constexpr std::size_t most = 1024;
  const std::vector<std::string> paths = stack.files();
  const std::size_t together = (paths.size() + most - 1) / most;
  Json files = Json::object();
  for (std::size_t first = 0; first < paths.size(); first += together) {
    const std::size_t end = std::min(first + together, paths.size());
    if (together == 1) {
      const io::FileIdentity identity = identity_of(paths[first]);
      files[absolute_path(paths[first])] = {{"bytes", identity.size},
                                            {"modified (ns since 1970)", identity.modified_ns}};
      continue;
    }
    std::string all;
    for (std::size_t i = first; i < end; ++i) {
      const io::FileIdentity identity = identity_of(paths[i]);
      all += absolute_path(paths[i]) + '\0' + std::to_string(identity.size) + ' ' +
             std::to_string(identity.modified_ns) + '\n';
    }
    files[absolute_path(paths[first]) + " to " + absolute_path(paths[end - 1])] = {
        {"files", end - first}, {"SHA-256 of their names, sizes and times", io::sha256(all)}};
  }
  return files;
}

}  // namespace

Json segment_setting(const ResolvedOptions& options, const io::Stack& stack, const model::Network& network,
                     const OutputOptions& output) {
  const io::StackInfo& info = stack.info();
  Json setting = setting_of(network, options);
  setting["input"] = {
      {"path", absolute_path(info.path)},
      {"format", info.format},
      {"compression", info.compression},
      {"file_order", info.file_order},
      {"channel", info.channel ? Json(*info.channel) : Json()},
      {"cropped", {info.cropped.top, info.cropped.bottom, info.cropped.left, info.cropped.right}},
      {"depth", info.depth},
      {"height", info.height},
      {"width", info.width},
      {"type", io::name_of(info.type)},
      {"voxel_nm", {info.voxel_nm.z, info.voxel_nm.y, info.voxel_nm.x}},
      {"first_slice", options.first_slice},
      {"end_slice", options.end_slice}};
  setting["file"] = files_json(stack);
  Json& written = setting["output"] = Json::object();
  for (const LayerOutput& layer : output.layers()) {
    written[nodes::plural_of(layer.layer)] = absolute_path(layer.path);
    written[std::string("type of the ") + nodes::plural_of(layer.layer)] = io::name_of(layer.type);
  }
  written["compression"] = name_of(output.compression);
  return setting;
}

}  // namespace fibflow::pipeline
