#include "io/files/folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <vector>

#include "io/error.h"

namespace fibflow::io {
namespace fs = std::filesystem;

void make_folder(const std::string& path) {
  std::error_code code;
  std::vector<fs::path> missing;
  for (fs::path folder(path); !folder.empty() && !fs::exists(folder, code); folder = folder.parent_path()) {
    missing.push_back(folder);
  }
  code.clear();
  fs::create_directories(path, code);
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) {
    throw Error(ErrorKind::cannot_create, path,
                "the folder cannot be made" + (code ? ": " + code.message() : std::string()), code.value());
  }
  // A folder's name is in the one above it.
  for (const fs::path& folder : missing) sync_folder(folder.parent_path());
}

int sync_folder(const std::string& path) {
  const int folder = ::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return 0;
  const int code = ::fsync(folder) != 0 && errno == EIO ? EIO : 0;
  ::close(folder);
  return code;
}

}  // namespace fibflow::io
