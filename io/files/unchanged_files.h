#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "io/files/file_identity.h"

namespace fibflow::io {

/// Notices whether files were changed since it was made: by their size, times and place, without reading them. Takes eight
/// bytes a file.
class UnchangedFiles {
 public:
  explicit UnchangedFiles(const std::vector<std::string>& files) {
    before_.reserve(files.size());
    for (const std::string& file : files) before_.push_back(state_of(file));
  }

  /// Those that are another file now, have other contents, or are gone. files: the same ones as before.
  std::vector<std::string> changed(const std::vector<std::string>& files) const {
    std::vector<std::string> others;
    for (std::size_t i = 0; i < before_.size(); ++i) {
      if (state_of(files.at(i)) != before_[i]) others.push_back(files[i]);
    }
    return others;
  }

 private:
  static std::uint64_t state_of(const std::string& file) {
    const auto identity = identify(file);
    return identity ? hash_of(*identity) : 0;
  }

  std::vector<std::uint64_t> before_;
};

}  // namespace fibflow::io
