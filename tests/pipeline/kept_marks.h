#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "io/file_mark.h"
#include "tests/pipeline/temporary_folder.h"

namespace fibflow::testing {

/// Whether files there can be marked (io/file_mark.h): not on every file system.
inline bool keeps_marks(const TemporaryFolder& folder) {
  const std::string path = folder.write("marked", "");
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  const bool marked = file >= 0 && io::mark_file(file, "word");
  ::close(file);
  std::filesystem::remove(path);
  return marked;
}

}  // namespace fibflow::testing
