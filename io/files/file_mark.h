#pragma once

#include <optional>
#include <string>

namespace fibflow::io {

/// A word that is kept with a file but not in it (as an extended attribute): what made it, say. It goes away with the
/// file, and holds only as long as the file is as it was when it was marked: of that size, and last written then.

/// Marks an open file after its last write, which has to be on the disk; the mark is durable with the next fsync.
/// False if the file system keeps no such words. word: without blanks.
bool mark_file(int descriptor, const std::string& word);

/// The word of a file; nothing if it has none, was written to since, or is not there.
std::optional<std::string> mark_of(const std::string& path);

}  // namespace fibflow::io
