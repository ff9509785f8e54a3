#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/slice.h"

namespace fibflow::io {

/// What ImageJ writes into a TIFF's ImageDescription: lines of key=value after "ImageJ=VERSION".
struct ImageJDescription {
  std::int64_t images = 1;
  std::int64_t channels = 1;
  std::int64_t slices = 1;
  std::int64_t frames = 1;
  double x_unit_nm = 0;  ///< nanometres of the unit along x; 0 if it is no length
  double y_unit_nm = 0;
  double z_nm = 0;  ///< the spacing of slices; 0 if not given
};

/// Nothing if the text is not ImageJ's.
std::optional<ImageJDescription> parse_imagej(const std::string& text);

/// What OME-XML says of its first image.
struct OmeDescription {
  std::int64_t images = 0;  ///< Image elements; 0 if the metadata is in another file ("BinaryOnly")
  std::int64_t channels = 1;
  std::int64_t slices = 1;
  std::int64_t frames = 1;
  VoxelSize voxel_nm;
  /// A page of this file and what it is of. Empty if the metadata does not say where the file's pages belong.
  struct Plane {
    std::int64_t channel = 0, slice = 0, frame = 0;
    std::int64_t page = 0;  ///< from 0 on
  };
  std::vector<Plane> planes;
  std::string order = "XYZCT";  ///< of the pages' dimensions, the fastest first
  /// Of a set of files: the one channel whose pages this file holds.
  std::optional<std::int64_t> only_channel;
  bool reordered = false;  ///< a TiffData element puts a page of this file at another z than its place
};

/// Nothing if the text is not OME-XML. `file_name`: without folder, to tell this file's pages in a set of
/// files.
std::optional<OmeDescription> parse_ome(const std::string& text, const std::string& file_name);

/// What tifffile writes into the description of the first page of each of its arrays: {"shape": [4, 512, 512], "axes": "ZYX"}.
struct ShapedDescription {
  std::vector<std::int64_t> shape;
  std::string axes;        ///< one letter for each number of the shape; empty if they are not named
  bool truncated = false;  ///< there is one page only; the images are in one run
};

/// Nothing if the text is not tifffile's.
std::optional<ShapedDescription> parse_shaped(const std::string& text);

}  // namespace fibflow::io
