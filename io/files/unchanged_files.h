#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "io/files/file_identity.h"
#include "io/files/running_hash.h"

namespace fibflow::io {

/// Notices whether files were changed since it was made: by their size, times and place, without reading them. Takes eight
/// bytes a file.
class UnchangedFiles {
 public:
  explicit UnchangedFiles(const std::vector<std::string>& files) {
    before_.reserve(files.size());
    for (const std::string& file : files) before_.push_back(hash_of(identify(file)));
  }

  /// Those that are another file now, have other contents, or are gone. files: the same ones as before.
  std::vector<std::string> changed(const std::vector<std::string>& files) const {
    std::vector<std::string> others;
    for (std::size_t i = 0; i < before_.size(); ++i) {
      if (hash_of(identify(files.at(i))) != before_[i]) others.push_back(files[i]);
    }
    return others;
  }

 private:
  static std::uint64_t hash_of(const std::optional<FileIdentity>& identity) {
    RunningHash hash;
    static_assert(std::has_unique_object_representations_v<FileIdentity>);
    if (identity) hash.add(&*identity, sizeof *identity);
    return hash.value();
  }

  std::vector<std::uint64_t> before_;
};

}  // namespace fibflow::io
