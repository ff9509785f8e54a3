#include "pipeline/segment/segment_setting.h"

#include <nlohmann/json.hpp>

#include "io/error.h"
#include "io/files/file_identity.h"
#include "pipeline/state/setting.h"

namespace fibflow::pipeline {
namespace {

using Json = nlohmann::ordered_json;

Json files_json(const io::Stack& stack) {
  Json files = Json::object();
  for (const std::string& file : stack.files()) {
    const auto identity = io::identify(file);
    if (!identity) throw io::Error(io::ErrorKind::missing, file, "is gone, or is no regular file");
    files[absolute_path(file)] = {{"bytes", identity->size},
                                  {"modified (ns since 1970)", identity->modified_ns}};
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
