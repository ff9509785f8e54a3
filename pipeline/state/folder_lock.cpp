#include "pipeline/state/folder_lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "io/error.h"

namespace fibflow::pipeline {

FolderLock::FolderLock(const std::string& path) {
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0) {
    const int code = errno;
    throw io::Error(io::ErrorKind::cannot_create, path,
                    std::string("cannot be opened: ") + std::strerror(code), code);
  }
  std::string reason = "another process is at work here";
  try {
    if (lock_.take(descriptor_, path) == io::FileLock::Held::here) return;
  } catch (const std::system_error& error) {
    reason = error.what();
  }
  ::close(descriptor_);
  throw io::Error(io::ErrorKind::cannot_create, path, reason);
}

FolderLock::~FolderLock() {
  ::close(descriptor_);
}

}  // namespace fibflow::pipeline
