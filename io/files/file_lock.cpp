#include "io/files/file_lock.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace fibflow::io {
namespace {

std::atomic<bool> locked_by_file = false;

std::string this_machine() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

/// Whether the process that made the file may live: it is on another machine, or is there.
bool may_live(const std::string& file) {
  std::ifstream in(file);
  std::string machine;
  pid_t process = 0;
  if (!(in >> machine >> process)) return true;
  return machine != this_machine() || ::kill(process, 0) == 0 || errno != ESRCH;
}

}  // namespace

FileLock::Held FileLock::take(int descriptor, const std::string& path, Flock flock) {
  if (!file_.empty()) return Held::here;
  if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) return Held::here;
  if (errno == EWOULDBLOCK) return Held::elsewhere;
  if (errno != ENOSYS && errno != ENOLCK && errno != EOPNOTSUPP) {
    throw std::system_error(errno, std::generic_category(), "cannot be locked");
  }
  constexpr std::size_t longest_stem = 240;  // a name may be 255 bytes long
  const std::filesystem::path name(path);
  std::string hidden = ".";
  hidden.append(name.filename().string(), 0, longest_stem).append(".lock");
  const std::string file = (name.parent_path() / hidden).string();
  for (int tries = 0; tries < 2; ++tries) {
    const int made = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (made >= 0) {
      const std::string text = this_machine() + " " + std::to_string(::getpid()) + "\n";
      const bool whole = ::write(made, text.data(), text.size()) == static_cast<ssize_t>(text.size());
      ::close(made);
      file_ = file;
      locked_by_file = true;
      if (!whole) {
        release();
        throw std::system_error(errno, std::generic_category(), "its lock " + file + " cannot be written");
      }
      return Held::here;
    }
    if (errno != EEXIST)
      throw std::system_error(errno, std::generic_category(), "its lock " + file + " cannot be made");
    if (may_live(file)) return Held::elsewhere;
    ::unlink(file.c_str());
  }
  return Held::elsewhere;
}

void FileLock::release() {
  if (file_.empty()) return;
  ::unlink(file_.c_str());
  file_.clear();
}

bool FileLock::any_by_file() {
  return locked_by_file;
}

}  // namespace fibflow::io
