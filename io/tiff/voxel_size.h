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
  int data_bar = 0;  ///< rows at the bottom of the page that are no image
  std::string data_bar_source;
};

/// The voxel size that a page's tags give. x and y come from the first of these that has both, z from the
/// first that has it: the microscope's metadata (io/metadata/microscope.h), OME-XML, ImageJ, TIFF
/// resolution per inch or cm. Resolutions of a printer or screen (a voxel of more than 20 micrometres) mean
/// nothing, and are left out. A value that cannot be understood counts as absent.
VoxelReading read_voxel_size(const TiffFile& file, const TiffDirectory& directory, int height, int width);

}  // namespace fibflow::io
