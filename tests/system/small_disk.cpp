#include "tests/system/small_disk.h"

#include <sys/mount.h>
#include <sys/statvfs.h>

#include <stdexcept>

namespace fibflow::testing {
namespace {

std::string size_option(std::size_t bytes) {
  return "size=" + std::to_string(bytes);
}

}  // namespace

SmallDisk::SmallDisk(std::size_t bytes) {
  mounted_ = mount("tmpfs", (folder_ / "").c_str(), "tmpfs", 0, size_option(bytes).c_str()) == 0;
}

SmallDisk::~SmallDisk() {
  if (mounted_) umount2((folder_ / "").c_str(), MNT_DETACH);
}

void SmallDisk::resize(std::size_t bytes) const {
  if (mount("tmpfs", (folder_ / "").c_str(), "tmpfs", MS_REMOUNT, size_option(bytes).c_str()) != 0)
    throw std::runtime_error("cannot resize a tmpfs");
}

std::size_t SmallDisk::free_bytes() const {
  struct statvfs status = {};
  if (statvfs((folder_ / "").c_str(), &status) != 0) throw std::runtime_error("no status of a tmpfs");
  return status.f_bavail * status.f_bsize;
}

}  // namespace fibflow::testing
