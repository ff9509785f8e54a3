#pragma once

#include <string>

namespace fibflow::io {

/// Makes a folder, and those above it that are missing; none of them is lost by a power cut once this returns. Does
/// nothing if it is there. Throws Error (cannot_create).
void make_folder(const std::string& path);

/// Brings the names in a folder to the disk, as far as the file system can: a folder may be writable but not readable,
/// and some file systems cannot sync one. 0, or EIO if the disk failed.
int sync_folder(const std::string& path);

}  // namespace fibflow::io
