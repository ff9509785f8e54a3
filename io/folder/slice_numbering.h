#pragma once

#include <cstdint>
#include <optional>
#include <regex>
#include <string>

namespace fibflow::pipeline {

/// Finds the number of a slice in the name of its file.
///
/// Without a pattern every .tif and .tiff file is a slice. A pattern is matched against the whole name, without
/// folders: * stands for any text, ? for any character, # for the digits of the number. Without a # the number is
/// the last one in the name, extensions aside: 118 in "run2_slice_0118.tif".
class SliceNumbering {
 public:
  /// Throws std::invalid_argument if the pattern has more than one #, or a folder.
  explicit SliceNumbering(const std::string& pattern = "");

  /// Nothing if the file is no slice: another name, or no number below 10^15 in it.
  std::optional<std::int64_t> number_of(const std::string& path) const;

 private:
  std::regex form_;
  bool marked_ = false;  // the pattern says where the number is
};

}  // namespace fibflow::pipeline
