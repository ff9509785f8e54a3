#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "io/stack.h"

namespace fibflow::cli {

/// What a stack is, as JSON: path, kind ("stack"), format, compression, depth, height, width, type,
/// voxel_nm ({z, y, x}, null where unknown), voxel_source (null if unknown), voxel_bytes (uncompressed),
/// file_bytes (null for a folder or glob), remarks.
nlohmann::ordered_json stack_json(const io::StackInfo& info);

/// The same for people, several lines.
std::string stack_text(const io::StackInfo& info);

/// Indented JSON; bytes of a path that are not UTF-8 are replaced.
std::string to_text(const nlohmann::ordered_json& json);

}  // namespace fibflow::cli
