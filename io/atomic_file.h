#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace fibflow::io {

/// A file that appears under its name only when it is complete. It grows as a hidden file
/// (".NAME.XXXXXXXX.partial") in the same folder; destroyed before commit(), it leaves nothing. Not
/// thread-safe.
class AtomicFile {
 public:
  /// Throws Error (cannot_create) if `path` exists and `overwrite` is not set, is anything but a regular
  /// file, or its folder cannot be written to.
  AtomicFile(std::string path, bool overwrite);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  const std::string& path() const { return path_; }
  /// Of the growing file, open for reading and writing.
  int descriptor() const { return descriptor_; }

  /// Appends. Throws Error (read_write).
  void write(const void* data, std::size_t bytes);

  /// Brings everything to the disk and gives the file its name. Without `overwrite`, a file that has appeared
  /// under the name meanwhile stays, and Error (cannot_create) is thrown. Throws Error (read_write) if the
  /// disk fails.
  void commit();

 private:
  void name_it();
  void sync_folder() const;

  std::string path_;
  std::string folder_;
  std::string partial_;  // empty once it has its name
  bool overwrite_ = false;
  int descriptor_ = -1;
};

}  // namespace fibflow::io
