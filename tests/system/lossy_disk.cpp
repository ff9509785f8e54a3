// Preloaded into a program, is a disk that fails once, as Linux tells of it: at the FIBFLOW_LOSE_AT-th fsync() or
// fdatasync() of a file, what was written since the last one that succeeded is lost (it reads as zeros), the call fails with
// the error FIBFLOW_LOSE_ERROR, and the next one succeeds. FIBFLOW_COUNT_TO=FILE: writes down how many calls there were.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "tests/system/counted_calls.h"

namespace {

CountedCalls calls;
std::mutex mutex;
std::map<ino_t, off_t> safe;  // bytes of a file that are on the disk

void lose(int descriptor, off_t begin, off_t end) {
  // Opened anew: one that appends would append.
  const int file = ::open(("/proc/self/fd/" + std::to_string(descriptor)).c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  const std::vector<char> zeros(static_cast<std::size_t>(end - begin), '\0');
  if (::pwrite(file, zeros.data(), zeros.size(), begin) < 0) std::perror("lossy_disk");
  ::close(file);
}

int synced(const char* name, int descriptor) {
  const auto next = reinterpret_cast<int (*)(int)>(dlsym(RTLD_NEXT, name));
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return next(descriptor);
  const std::lock_guard lock(mutex);
  off_t& safe_bytes = safe[status.st_ino];
  if (++calls.number != number_in_environment("FIBFLOW_LOSE_AT")) {
    safe_bytes = status.st_size;
    return next(descriptor);
  }
  if (safe_bytes < status.st_size) lose(descriptor, safe_bytes, status.st_size);
  errno = static_cast<int>(number_in_environment("FIBFLOW_LOSE_ERROR"));
  return -1;
}

}  // namespace

extern "C" {

int fsync(int descriptor) {
  return synced("fsync", descriptor);
}

int fdatasync(int descriptor) {
  return synced("fdatasync", descriptor);
}

}  // extern "C"
