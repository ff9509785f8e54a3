#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace fibflow::io {

/// A file that is read exactly as it was written or refused, in two generations: PATH, and PATH.previous, the
/// one before it. It holds a line "fibflow KIND", the sizes, a SHA-256 of all the rest, and the contents
/// compressed with zstd (with zstd's own checksum). One process at a time writes a path.

/// Called after each step that the disk is to remember, with its name; tests interrupt here.
using DurableStep = std::function<void(const char* step)>;

/// Makes the contents the newest generation: written beside it, synced, the newest one renamed to
/// PATH.previous, the new one to PATH, the folder synced. Killed at any moment, one of the two is there and
/// whole. kind: what it is and which version of it; no line breaks. Throws Error: cannot_create, read_write.
void write_checked(const std::string& path, const std::string& kind, std::string_view contents,
                   const DurableStep& step = {});

struct CheckedContents {
  std::string contents;
  bool is_previous = false;
  std::string refusal;  ///< why the newer generation was not used, if it was not
};

/// What is done with contents that are whole: it throws a std::exception if they are not what they should be.
using TakeContents = std::function<void(std::string_view contents)>;

/// The newest generation that is whole and that `take`, if there is one, accepts; nothing if there is none at all. A
/// checksum says that a file is as it was written, not by whom: what it claims is checked before memory is given for it.
/// Throws Error: bad_data if there is a generation but none is whole and accepted, or if it is another kind; read_write.
std::optional<CheckedContents> read_checked(const std::string& path, const std::string& kind,
                                            const TakeContents& take = {});

/// Whether there is a generation, whole or not.
bool has_checked(const std::string& path);

/// Removes both, the older one first. Throws Error (read_write).
void remove_checked(const std::string& path, const DurableStep& step = {});

}  // namespace fibflow::io
