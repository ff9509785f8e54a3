#pragma once

// Internal to model/.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace fibflow::model {

/// Weights that lie beside a model file, in its folder or one below. A model can come from anywhere: what it names is opened
/// only if it is a regular file there, without following links or waiting for a pipe, and of each file no more is read in all
/// than it holds. Not thread-safe.
class ExternalFiles {
 public:
  /// folder: the model file's.
  explicit ExternalFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// The bytes at `offset`. Throws ModelError with the reason, and the file's name in it.
  std::string read(const std::string& location, std::int64_t offset, std::int64_t bytes);

 private:
  std::filesystem::path folder_;
  std::map<std::string, std::int64_t> read_;  // bytes so far, by location
};

}  // namespace fibflow::model
