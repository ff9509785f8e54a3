#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace fibflow::io {

/// What tells one state of a file from another without reading it.
struct FileIdentity {
  std::uint64_t inode = 0;
  std::uint64_t size = 0;        ///< bytes
  std::int64_t modified_ns = 0;  ///< of the file's content, by the clock of whoever wrote it
  std::int64_t changed_ns = 0;   ///< of anything about the file, by the clock of the file system

  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;

  /// Nothing speaks for other content. Inode numbers, and the time of change, differ after a folder was copied
  /// or mounted anew; a file's own time and size go with it.
  bool same_content(const FileIdentity& other) const {
    return size == other.size && modified_ns == other.modified_ns;
  }
};

/// What is enough to tell two identities apart, in eight bytes.
std::uint64_t hash_of(const FileIdentity& identity);

/// Of the file that the path leads to. Nothing if there is none, or it is not a regular file.
std::optional<FileIdentity> identify(const std::string& path);
/// Of an open file.
std::optional<FileIdentity> identify(int descriptor);

}  // namespace fibflow::io
