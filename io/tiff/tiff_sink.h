#pragma once

// Internal to io/tiff.

#include <tiffio.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace fibflow::io {

/// libtiff's view of a growing file. libtiff tells that a write failed, but not why, and its closing does
/// not even tell that: so the first failure is kept here. One thread at a time.
struct TiffSink {
  int descriptor = -1;
  std::uint64_t position = 0;
  std::uint64_t end = 0;
  int failure = 0;  ///< errno
  std::string error;

  /// Opens the file for libtiff, which uses this as long as it has it; nullptr if it cannot. mode: libtiff's.
  TIFF* open(const std::string& name, const char* mode);

  /// Up to so many bytes at the position, which moves; fewer at the end, or after a failure.
  std::size_t read(void* buffer, std::size_t bytes);
};

}  // namespace fibflow::io
