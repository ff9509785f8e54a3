#pragma once

#include <string>

#include "tests/fixtures/temporary_folder.h"

namespace fibflow::testing {

/// A file system of a given size in memory, mounted for the test. Needs the right to mount.
class SmallDisk {
 public:
  /// Check is_there(): where mounting is not allowed there is none.
  explicit SmallDisk(std::size_t bytes);
  ~SmallDisk();
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool is_there() const { return mounted_; }
  std::string operator/(const std::string& name) const { return folder_ / name; }
  /// Makes it larger or smaller while it is in use. Throws std::runtime_error.
  void resize(std::size_t bytes) const;
  std::size_t free_bytes() const;

 private:
  TemporaryFolder folder_;
  bool mounted_ = false;
};

}  // namespace fibflow::testing
