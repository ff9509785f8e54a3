#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace fibflow::testing {

/// A file that is in memory, and has a path.
class MemoryFile {
 public:
  explicit MemoryFile(const char* name)
      : descriptor_(::memfd_create(name, 0)), path_("/proc/self/fd/" + std::to_string(descriptor_)) {}

  /// Replaces what is in it.
  const std::string& with(const std::uint8_t* data, std::size_t size) const {
    if (::ftruncate(descriptor_, 0) != 0 ||
        ::pwrite(descriptor_, data, size, 0) != static_cast<ssize_t>(size))
      std::abort();
    return path_;
  }

 private:
  int descriptor_;
  std::string path_;
};

/// A folder of this process, in memory where there is such a thing: bringing a file to a disk takes longer than all else.
inline std::string scratch_folder() {
  const std::filesystem::path memory = "/dev/shm";
  const auto parent = std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
  const auto folder = parent / ("fibflow-fuzz-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  return folder;
}

}  // namespace fibflow::testing
