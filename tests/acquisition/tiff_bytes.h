#pragma once

#include <string>

#include "io/slice.h"

namespace fibflow::testing {

/// How a microscope's software lays a TIFF out.
enum class TiffLayout {
  directory_first,  ///< header, directory, then uncompressed strips: readable long before it is complete
  directory_last,   ///< uncompressed strips, then the directory: readable only at its end
  one_strip,        ///< as directory_first, with all rows in one strip
  compressed,       ///< deflated strips, then the directory
};

/// A single-page TIFF of an 8-bit slice.
std::string tiff_bytes(const io::Slice& slice, TiffLayout layout);

}  // namespace fibflow::testing
