#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "io/files/file_lock.h"

namespace fibflow::io {

/// How much is kept of what an earlier writer left unfinished: its first bytes. 0: it begins anew.
struct ResumeAt {
  std::uint64_t length = 0;
};

/// A file grows under a hidden name, as where the file system has none without a name.
struct UnderHiddenName {};

/// A file that appears under its name only when it is complete. Not thread-safe.
///
/// It grows without any name, so that nothing is left of it whenever it is destroyed before commit(), or its process killed.
/// Where the file system cannot do that (NFS and Lustre cannot), it grows as a hidden file (".NAME.partial-0", "-1", ...) in
/// the same folder, locked; one that a kill leaves there is taken over by whoever writes that name next, and never by others.
/// For what is written in one go, and what another one cannot go on with.
///
/// A resumable one grows as ".NAME.partial", locked against other writers; if keep() was called it stays when
/// it is destroyed (as it does when the process is killed), and another one can go on with it, or takes it over.
class AtomicFile {
 public:
  /// Throws Error (cannot_create) if `path` exists and `overwrite` is not set, is anything but a regular
  /// file, or its folder cannot be written to.
  AtomicFile(std::string path, bool overwrite);
  AtomicFile(std::string path, bool overwrite, UnderHiddenName);

  /// Resumable: goes on after that many bytes, and throws the others away. Throws as above; cannot_create if
  /// another process writes it; bad_data if what was left is gone or shorter.
  AtomicFile(std::string path, bool overwrite, ResumeAt from);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  const std::string& path() const { return path_; }
  /// Of the growing file, open for reading and writing.
  int descriptor() const { return descriptor_; }
  /// The growing file's hidden name; empty if it has none, and once it has its own.
  const std::string& partial() const { return partial_; }
  /// Of the file, which it keeps when it is given its name.
  std::uint64_t inode() const;

  /// Appends. Throws Error (read_write).
  void write(const void* data, std::size_t bytes);

  /// Brings what was written, and the hidden name, to the disk. Throws Error (read_write); then this file is not to be
  /// trusted any more, and each later call throws, too.
  void sync();

  /// From now on the growing file outlives this object. For a resumable one only.
  void keep();

  /// Brings everything to the disk and gives the file its name. Without `overwrite`, a file that has appeared
  /// under the name meanwhile stays, and Error (cannot_create) is thrown. Throws Error (read_write) if the
  /// disk fails.
  void commit();

 private:
  void check_name() const;
  std::string hidden_name(const std::string& ending) const;
  bool lock();
  bool open_locked(const std::string& hidden, int flags);
  bool open_unnamed();
  void open_hidden();
  void name_unnamed();
  void name_it();
  void sync_content();
  void sync_folder() const;

  std::string path_;
  std::string folder_;
  std::string partial_;  // empty if it has no name, and once it has its own
  bool overwrite_ = false;
  bool resumable_ = false;
  bool kept_ = false;
  int sync_failure_ = 0;  // errno
  int descriptor_ = -1;
  FileLock lock_;
};

}  // namespace fibflow::io
