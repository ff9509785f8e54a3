#pragma once

#include <string>
#include <utility>
#include <vector>

#include "io/files/file_identity.h"

namespace fibflow::io {

/// Notices whether files were changed since it was made: by their size, times and place, without reading them.
class UnchangedFiles {
 public:
  explicit UnchangedFiles(const std::vector<std::string>& files) {
    for (const std::string& file : files) before_.emplace_back(file, identify(file));
  }

  /// Those that are another file now, have other contents, or are gone.
  std::vector<std::string> changed() const {
    std::vector<std::string> files;
    for (const auto& [file, identity] : before_) {
      if (identify(file) != identity) files.push_back(file);
    }
    return files;
  }

 private:
  std::vector<std::pair<std::string, std::optional<FileIdentity>>> before_;
};

}  // namespace fibflow::io
