#pragma once

#include <cstdint>
#include <string>

namespace fibflow::testing {

/// Where `fibflow watch` puts what it makes, as its users know it.
class LiveOutput {
 public:
  explicit LiveOutput(std::string folder) : folder_(std::move(folder)) {}

  const std::string& folder() const { return folder_; }
  std::string mask_folder() const { return folder_ + "/masks"; }
  /// Of the slice whose file has this name.
  std::string mask(const std::string& slice_file) const { return mask_folder() + "/" + slice_file; }
  std::string stack() const { return folder_ + "/masks.tif"; }
  std::string status() const { return folder_ + "/status.json"; }
  std::string report() const { return folder_ + "/report.json"; }
  /// Ends the daemon when it appears.
  std::string stop_file() const { return folder_ + "/stop"; }

 private:
  std::string folder_;
};

}  // namespace fibflow::testing
