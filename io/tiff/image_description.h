#pragma once

#include <cstdint>
#include <optional>
#include <string>

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
  bool reordered = false;  ///< a TiffData element puts a page of this file at another z than its place
};

/// Nothing if the text is not OME-XML. `file_name`: without folder, to tell this file's pages in a set of
/// files.
std::optional<OmeDescription> parse_ome(const std::string& text, const std::string& file_name);

/// Nanometres in a unit as microscopes spell it ("nm", "um", "micron", "\u00B5m" in UTF-8, Latin-1 or as an
/// escape, "cm", "inch", ...); 0 if it is no length ("pixel").
double nanometres_of(const std::string& unit);

/// A number in the C notation, whatever the locale; nothing if the text does not start with a finite one.
std::optional<double> number_of(const std::string& text);

/// `text` without blanks at its ends.
std::string trimmed(const std::string& text);

}  // namespace fibflow::io
