#pragma once

#include <string>

namespace fibflow::io {

/// Makes a folder, and those above it that are missing; none of them is lost by a power cut once this returns. Does
/// nothing if it is there. Throws Error (cannot_create).
void make_folder(const std::string& path);

}  // namespace fibflow::io
