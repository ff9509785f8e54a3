#include "io/files/file_identity.h"

#include <sys/stat.h>

#include <type_traits>

#include "io/files/running_hash.h"

namespace fibflow::io {
namespace {

/// Only to be compared: a time beyond the year 2262, which a file may well claim, comes around to another one.
std::int64_t nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U +
                                   static_cast<std::uint64_t>(time.tv_nsec));
}

std::optional<FileIdentity> identity_of(const struct stat& status) {
  if (!S_ISREG(status.st_mode)) return std::nullopt;
  return FileIdentity{status.st_ino, static_cast<std::uint64_t>(status.st_size), nanoseconds(status.st_mtim),
                      nanoseconds(status.st_ctim)};
}

}  // namespace

std::optional<FileIdentity> identify(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return identity_of(status);
}

std::optional<FileIdentity> identify(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return std::nullopt;
  return identity_of(status);
}

std::uint64_t hash_of(const FileIdentity& identity) {
  static_assert(std::has_unique_object_representations_v<FileIdentity>);
  return hash_of(&identity, sizeof identity);
}

}  // namespace fibflow::io
