#include "io/files/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "io/error.h"
#include "io/files/folder.h"

namespace fibflow::io {
namespace {

std::string name_of_file(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

std::string folder_of(const std::string& path) {
  const std::filesystem::path whole(path);
  return whole.has_parent_path() ? whole.parent_path().string() : ".";
}

[[noreturn]] void fail(ErrorKind kind, const std::string& path, const std::string& what, int code) {
  throw Error(kind, path, what + ": " + std::strerror(code), code);
}

}  // namespace

AtomicFile::AtomicFile(std::string path, bool overwrite) : path_(std::move(path)), overwrite_(overwrite) {
  check_name();
  folder_ = folder_of(path_);
  if (!open_unnamed()) open_hidden();
}

/// False where the file system has no files without a name.
bool AtomicFile::open_unnamed() {
  // 0666 and not 0600: the umask decides, as for any other output.
  descriptor_ = ::open(folder_.c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0666);
  if (descriptor_ >= 0) return true;
  if (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL || errno == ENOSYS) return false;
  fail(ErrorKind::cannot_create, path_, "no file can be made in its folder", errno);
}

AtomicFile::AtomicFile(std::string path, bool overwrite, UnderHiddenName)
    : path_(std::move(path)), overwrite_(overwrite) {
  check_name();
  folder_ = folder_of(path_);
  open_hidden();
}

std::string AtomicFile::hidden_name(const std::string& ending) const {
  constexpr std::size_t longest_stem = 240;  // a name may be 255 bytes long
  return folder_ + "/." + name_of_file(path_).substr(0, longest_stem) + ending;
}

/// The first of its hidden names that no process holds: what a killed one left under it is not needed any more.
void AtomicFile::open_hidden() {
  constexpr int most_writers = 100;
  try {
    for (int n = 0; n < most_writers; ++n) {
      const std::string hidden = hidden_name(".partial-" + std::to_string(n));
      if (!open_locked(hidden, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW)) continue;
      if (::ftruncate(descriptor_, 0) != 0) fail(ErrorKind::read_write, path_, "cannot be emptied", errno);
      partial_ = hidden;
      return;
    }
    throw Error(ErrorKind::cannot_create, path_, "is being written by many other processes");
  } catch (...) {
    if (descriptor_ >= 0) ::close(descriptor_);
    throw;
  }
}

/// Opens a hidden file and locks it; false, with nothing open, if another process holds it.
bool AtomicFile::open_locked(const std::string& hidden, int flags) {
  // Whoever held the lock may have given the file its name since it was opened here: then it is not ours to
  // go on with.
  struct stat named {};
  do {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = ::open(hidden.c_str(), flags, 0666);
    if (descriptor_ < 0 && errno == ENOENT && (flags & O_CREAT) == 0) {
      throw Error(ErrorKind::bad_data, path_, "what was written of it before (" + hidden + ") is gone");
    }
    if (descriptor_ < 0) fail(ErrorKind::cannot_create, path_, "no file can be made in its folder", errno);
    if (!lock()) {
      ::close(std::exchange(descriptor_, -1));
      return false;
    }
  } while (::stat(hidden.c_str(), &named) != 0 || named.st_ino != inode());
  return true;
}

AtomicFile::AtomicFile(std::string path, bool overwrite, ResumeAt from)
    : path_(std::move(path)), overwrite_(overwrite), resumable_(true) {
  check_name();
  folder_ = folder_of(path_);
  const std::string partial = hidden_name(".partial");
  try {
    if (!open_locked(partial, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (from.length == 0 ? O_CREAT : 0)))
      throw Error(ErrorKind::cannot_create, path_, "is being written by another process");
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) fail(ErrorKind::read_write, path_, "cannot be looked at", errno);
    if (static_cast<std::uint64_t>(status.st_size) < from.length) {
      throw Error(ErrorKind::bad_data, path_, "what was written of it before (" + partial + ") is cut short");
    }
    if (::ftruncate(descriptor_, static_cast<off_t>(from.length)) != 0 ||
        ::lseek(descriptor_, 0, SEEK_END) < 0) {
      fail(ErrorKind::read_write, path_, "cannot be cut to its length", errno);
    }
  } catch (...) {
    if (descriptor_ >= 0) ::close(descriptor_);
    throw;
  }
  partial_ = partial;
  kept_ = from.length > 0;
}

AtomicFile::~AtomicFile() {
  // Before it is closed, which unlocks it.
  if (!partial_.empty() && !kept_) ::unlink(partial_.c_str());
  if (descriptor_ >= 0) ::close(descriptor_);
}

void AtomicFile::check_name() const {
  const std::string name = name_of_file(path_);
  if (name.empty() || name == "." || name == "..") {
    throw Error(ErrorKind::cannot_create, path_, "is not the name of a file");
  }
  struct stat status {};
  if (::lstat(path_.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) throw Error(ErrorKind::cannot_create, path_, "is a folder");
    if (!overwrite_) throw Error(ErrorKind::cannot_create, path_, "exists already");
    // Renaming over a device or a link would replace the device or the link, not what it stands for.
    if (!S_ISREG(status.st_mode)) throw Error(ErrorKind::cannot_create, path_, "is not a regular file");
  } else if (errno != ENOENT) {
    fail(ErrorKind::cannot_create, path_, "cannot be created", errno);
  }
}

/// False if another process holds it.
bool AtomicFile::lock() {
  try {
    return lock_.take(descriptor_, path_) == FileLock::Held::here;
  } catch (const std::system_error& error) {
    fail(ErrorKind::cannot_create, path_, "cannot be locked against other writers", error.code().value());
  }
}

std::uint64_t AtomicFile::inode() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) fail(ErrorKind::read_write, path_, "cannot be looked at", errno);
  return status.st_ino;
}

void AtomicFile::write(const void* data, std::size_t bytes) {
  const char* rest = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t done = ::write(descriptor_, rest, bytes);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail(ErrorKind::read_write, path_, "cannot be written", errno);
    rest += done;
    bytes -= static_cast<std::size_t>(done);
  }
}

void AtomicFile::sync() {
  sync_content();
  sync_folder();
}

/// After a failure the system may have thrown away what it could not write, and the next call would succeed.
void AtomicFile::sync_content() {
  if (sync_failure_ == 0 && ::fsync(descriptor_) != 0) sync_failure_ = errno;
  if (sync_failure_ != 0) fail(ErrorKind::read_write, path_, "cannot be brought to the disk", sync_failure_);
}

void AtomicFile::keep() {
  if (!resumable_) throw std::logic_error("AtomicFile: nobody could go on with this file");
  kept_ = true;
}

void AtomicFile::commit() {
  sync_content();
  partial_.empty() ? name_unnamed() : name_it();
  sync_folder();
  // Not before it has its name: closing unlocks it, and ends one without a name.
  if (::close(std::exchange(descriptor_, -1)) != 0)
    fail(ErrorKind::read_write, path_, "cannot be brought to the disk", errno);
}

/// A name can be given to a file that has none, but not one that is taken. To replace a file, it gets a hidden one first.
void AtomicFile::name_unnamed() {
  const std::string self = "/proc/self/fd/" + std::to_string(descriptor_);
  const auto link_to = [&](const std::string& name) {
    return ::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
  };
  const int code = link_to(path_);
  if (code == 0) return;
  if (code != EEXIST) fail(ErrorKind::cannot_create, path_, "cannot be given its name", code);
  if (!overwrite_) throw Error(ErrorKind::cannot_create, path_, "has been made by someone else meanwhile");
  const std::string hidden = hidden_name(".new");
  // One that lies there is of a process that was killed between these two calls, and is nobody's any more.
  for (int attempt = 0;; ++attempt) {
    const int hidden_code = link_to(hidden);
    if (hidden_code == 0 && ::rename(hidden.c_str(), path_.c_str()) == 0) return;
    const int reason = hidden_code != 0 ? hidden_code : errno;
    if ((reason != EEXIST && reason != ENOENT) || attempt == 100)
      fail(ErrorKind::cannot_create, path_, "cannot be given its name", reason);
    if (reason == EEXIST) ::unlink(hidden.c_str());
  }
}

void AtomicFile::name_it() {
  const auto rename_over = [&] {
    if (::rename(partial_.c_str(), path_.c_str()) != 0) {
      fail(ErrorKind::cannot_create, path_, "cannot be given its name", errno);
    }
    partial_.clear();
  };
  if (overwrite_) return rename_over();
  if (::renameat2(AT_FDCWD, partial_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) == 0) {
    partial_.clear();
    return;
  }
  if (errno == EEXIST)
    throw Error(ErrorKind::cannot_create, path_, "has been made by someone else meanwhile");
  if (errno != EINVAL && errno != ENOSYS)
    fail(ErrorKind::cannot_create, path_, "cannot be given its name", errno);
  // A file system without that call: take the name first, which only one can, then put the file there.
  const int placeholder = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (placeholder < 0) {
    if (errno == EEXIST)
      throw Error(ErrorKind::cannot_create, path_, "has been made by someone else meanwhile");
    fail(ErrorKind::cannot_create, path_, "cannot be given its name", errno);
  }
  ::close(placeholder);
  rename_over();
}

void AtomicFile::sync_folder() const {
  if (const int code = io::sync_folder(folder_); code != 0)
    fail(ErrorKind::read_write, path_, "its folder cannot be brought to the disk", code);
}

}  // namespace fibflow::io
