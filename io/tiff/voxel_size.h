#pragma once

#include <string>

#include "io/slice.h"
#include "io/tiff/tiff_file.h"

namespace fibflow::io {

/// A voxel size and the tags it came from; an axis that no tag gives is 0.
struct VoxelReading {
  VoxelSize nm;
  std::string
      source;  ///< "Thermo/FEI tag 34682", "OME-XML", "ImageJ", "resolution tags"; "A, z from B"; or empty
};

/// The voxel size that a page's tags give. x and y come from the first of these that has both, z from the
/// first that has it: Thermo/FEI metadata (tag 34682), Zeiss metadata (34118), OME-XML, ImageJ, TIFF
/// resolution per inch or cm. Resolutions of a printer or screen (a voxel of more than 20 micrometres) mean
/// nothing, and are left out. A value that cannot be understood counts as absent.
VoxelReading read_voxel_size(const TiffFile& file, const TiffDirectory& directory);

}  // namespace fibflow::io
