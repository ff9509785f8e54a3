#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace fibflow::io {

/// A file's bytes; nothing if there is no such file. Throws Error (read_write) if it cannot be read to its end.
std::optional<std::string> contents_if_there(const std::string& path);

/// The same; throws Error (missing) if there is no such file.
std::string contents_of(const std::string& path);

/// The first bytes of a regular file, at most `bytes` of them; empty if the path leads to none (opening a pipe would wait for its
/// writer), or it cannot be read.
std::string head_of(const std::string& path, std::size_t bytes);

}  // namespace fibflow::io
