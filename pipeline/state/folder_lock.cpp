#include "pipeline/state/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "io/error.h"

namespace fibflow::pipeline {

FolderLock::FolderLock(const std::string& path) {
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0) {
    const int code = errno;
    throw io::Error(io::ErrorKind::cannot_create, path,
                    std::string("cannot be opened: ") + std::strerror(code), code);
  }
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
  const int code = errno;
  ::close(descriptor_);
  throw io::Error(io::ErrorKind::cannot_create, path,
                  code == EWOULDBLOCK ? "another process is at work here"
                                      : std::string("cannot be locked: ") + std::strerror(code));
}

FolderLock::~FolderLock() {
  ::close(descriptor_);
}

}  // namespace fibflow::pipeline
