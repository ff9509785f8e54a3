#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/stack.h"
#include "io/stack_writer.h"

namespace fibflow::io {

/// One way to keep a stack in files: a row in the table of formats (io/formats/formats.h). Each format has a folder of its
/// own and gives this out in a function ("io/tiff/tiff_format.h"). All functions are thread-safe.
struct Format {
  /// As messages name it: "TIFF".
  const char* name = "";
  /// Endings of its files' names, in lower case, with the dot; none if names do not tell.
  std::vector<std::string> suffixes;

  /// Whether what is there looks like one. It need not be readable: open() says why it is not. head: the first bytes of the
  /// file, at most `recognizing_bytes`; empty if the path leads to no regular file, or it cannot be read.
  bool (*recognizes)(const std::string& path, std::string_view head) = nullptr;

  /// Throws io::Error: missing if there is no such input, bad_data if it is not a readable gray-scale stack.
  std::unique_ptr<Stack> (*open)(const std::string& path, const OpenOptions& options) = nullptr;

  /// A new stack; null, as the two that follow, if the format can only be read. Throws io::Error (cannot_create) if there is
  /// one and `overwrite` is not set, or it cannot be made there.
  std::unique_ptr<StackWriter> (*create)(const std::string& path, const WriterOptions& options) = nullptr;

  /// The same, resumable: goes on after the slices of `progress` (StackWriter::progress()) and forgets those that came later;
  /// begins anew if it is empty. Throws io::Error as create(); cannot_create if another process writes the stack; bad_data
  /// if what was written before is gone or damaged, or `progress` is no progress.
  std::unique_ptr<StackWriter> (*resume)(const std::string& path, const WriterOptions& options,
                                         const std::string& progress) = nullptr;

  /// Whether the stack is complete with its `depth` slices, and has its name already: a writer came to its end, but nobody
  /// could say so. False if `progress` is no progress.
  bool (*is_finished)(const std::string& path, std::int64_t depth, const std::string& progress) = nullptr;
};

/// Whether a file's name ends in one of the format's suffixes, in whatever case.
bool has_suffix(const Format& format, const std::string& path);

/// What follows the last dot of a file's name, with the dot and in lower case; empty if there is none.
std::string ending_of(const std::string& path);

/// Formats are recognized by no more of a file.
inline constexpr std::size_t recognizing_bytes = 1024;

}  // namespace fibflow::io
