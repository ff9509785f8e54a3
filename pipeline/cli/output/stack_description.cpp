#include "pipeline/cli/output/stack_description.h"

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "pipeline/cli/arguments/arguments.h"
#include "pipeline/cli/terminal/printable.h"

namespace fibflow::cli {
namespace {

using Json = nlohmann::ordered_json;

std::int64_t voxel_bytes(const io::StackInfo& info) {
  return info.depth * info.height * info.width * static_cast<std::int64_t>(io::bytes_per_voxel(info.type));
}

std::optional<std::int64_t> file_bytes(const io::StackInfo& info) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(info.path, error)) return std::nullopt;
  const auto size = std::filesystem::file_size(info.path, error);
  if (error) return std::nullopt;
  return static_cast<std::int64_t>(size);
}

Json known(double nanometres) {
  return nanometres > 0 ? Json(nanometres) : Json();
}

std::string number(double value) {
  if (value <= 0) return "?";
  char text[40];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

const char* spoken_type(io::PixelType type) {
  switch (type) {
    case io::PixelType::u8:
      return "8-bit unsigned (u8)";
    case io::PixelType::u16:
      return "16-bit unsigned (u16)";
    case io::PixelType::f32:
      return "32-bit float (f32)";
  }
  return "?";
}

}  // namespace

Json stack_json(const io::StackInfo& info) {
  const auto bytes = file_bytes(info);
  Json json;
  json["path"] = info.path;
  json["kind"] = "stack";
  json["format"] = info.format;
  json["compression"] = info.compression;
  json["depth"] = info.depth;
  json["height"] = info.height;
  json["width"] = info.width;
  json["type"] = io::name_of(info.type);
  json["voxel_nm"] = {
      {"z", known(info.voxel_nm.z)}, {"y", known(info.voxel_nm.y)}, {"x", known(info.voxel_nm.x)}};
  json["voxel_source"] = info.voxel_source.empty() ? Json() : Json(info.voxel_source);
  json["voxel_bytes"] = voxel_bytes(info);
  json["file_bytes"] = bytes ? Json(*bytes) : Json();
  json["remarks"] = info.remarks;
  return json;
}

std::string stack_text(const io::StackInfo& info) {
  const auto bytes = file_bytes(info);
  const io::VoxelSize& voxel = info.voxel_nm;
  std::string text = printable(info.path) + "\n";
  const auto add = [&text](const std::string& name, const std::string& value) {
    text += "  " + name + std::string(13 - name.size(), ' ') + printable(value) + "\n";
  };
  add("format", info.format + ", compression " + info.compression);
  add("shape", std::to_string(info.depth) + " x " + std::to_string(info.height) + " x " +
                   std::to_string(info.width) + " (z, y, x)");
  add("type", spoken_type(info.type));
  if (voxel.z > 0 || voxel.y > 0 || voxel.x > 0) {
    add("voxel size", number(voxel.z) + " x " + number(voxel.y) + " x " + number(voxel.x) + " nm (z, y, x)" +
                          (info.voxel_source.empty() ? "" : ", from " + info.voxel_source));
  } else {
    add("voxel size", "not stated");
  }
  add("size", spoken_bytes(voxel_bytes(info)) + " of voxels" +
                  (bytes ? ", " + spoken_bytes(*bytes) + " on disk" : std::string()));
  for (const std::string& remark : info.remarks) add("remark", remark);
  return text;
}

std::string to_text(const Json& json) {
  return json.dump(2, ' ', true, Json::error_handler_t::replace);
}

}  // namespace fibflow::cli
