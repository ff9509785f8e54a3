#pragma once

#include <sys/file.h>

#include <string>

namespace fibflow::io {

/// Holds a file, or what it stands for, for one process: by flock(), which the system gives back when the process ends. Where
/// the file system has no such locks (Lustre, NFS without them), by a file beside it, ".NAME.lock", which is made or not there;
/// one that a process of this machine left when it was killed is taken over.
class FileLock {
 public:
  enum class Held { here, elsewhere };
  using Flock = int (*)(int descriptor, int operation);

  FileLock() = default;
  ~FileLock() { release(); }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  /// descriptor: of the open file `path`, which stays open as long as the lock. elsewhere: another process holds it. Throws
  /// std::system_error if it cannot be locked at all.
  Held take(int descriptor, const std::string& path, Flock flock = ::flock);

  /// Gives it back. The descriptor's own lock goes with the descriptor.
  void release();

  /// The file beside it; empty if there is none.
  const std::string& file() const { return file_; }

  /// Whether a lock of this process is held by a file: a process that is killed on another machine leaves it.
  static bool any_by_file();

 private:
  std::string file_;
};

}  // namespace fibflow::io
