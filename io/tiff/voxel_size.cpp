#include "io/tiff/voxel_size.h"

#include <tiff.h>

#include <cmath>
#include <optional>
#include <sstream>
#include <vector>

#include "io/tiff/image_description.h"

namespace fibflow::io {
namespace {

constexpr std::uint16_t tag_fei = 34682;
constexpr std::uint16_t tag_zeiss = 34118;
constexpr std::size_t longest_metadata = 64 << 20;
// 1270 dpi; what programs write as a default (72, 96, 300 dpi) is far above, any electron microscope far
// below.
constexpr double largest_resolution_nm = 20e3;

struct Candidate {
  std::string name;
  VoxelSize nm;
};

double positive(double nm) {
  return std::isfinite(nm) && nm > 0 ? nm : 0;
}

// INI text; PixelWidth and PixelHeight in metres, in [Scan] or in the beam's own section.
VoxelSize parse_fei(const std::string& text) {
  VoxelSize scan, beam;
  std::string section;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    line = trimmed(line);
    if (line.starts_with('[')) section = line;
    const auto equals = line.find('=');
    if (equals == std::string::npos || (section != "[Scan]" && section != "[EScan]" && section != "[IScan]"))
      continue;
    VoxelSize& size = section == "[Scan]" ? scan : beam;
    const std::string key = line.substr(0, equals);
    const double nm = positive(number_of(line.substr(equals + 1)).value_or(0) * 1e9);
    if (key == "PixelWidth" && size.x == 0) size.x = nm;
    if (key == "PixelHeight" && size.y == 0) size.y = nm;
  }
  return scan.x > 0 && scan.y > 0 ? scan : beam;
}

// Pairs of lines: a key in capitals, then "Name = value unit".
VoxelSize parse_zeiss(const std::string& text) {
  double image = 0, pixel = 0;
  std::string key;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    line = trimmed(line);
    const bool of_image = key == "AP_IMAGE_PIXEL_SIZE";
    if (of_image || key == "AP_PIXEL_SIZE") {
      const auto equals = line.find('=');
      const std::string value = equals == std::string::npos ? "" : trimmed(line.substr(equals + 1));
      const auto blank = value.find_first_of(" \t");
      if (blank != std::string::npos) {
        const double nm = positive(number_of(value).value_or(0) * nanometres_of(value.substr(blank)));
        (of_image ? image : pixel) = nm;
      }
    }
    key = line;
  }
  const double nm = image > 0 ? image : pixel;
  return {0, nm, nm};
}

}  // namespace

VoxelReading read_voxel_size(const TiffFile& file, const TiffDirectory& directory) {
  const auto text = [&](std::uint16_t tag) {
    const TiffEntry* entry = directory.find(tag);
    return entry == nullptr ? std::string() : file.text(*entry, longest_metadata);
  };
  const auto rational = [&](std::uint16_t tag) {
    const TiffEntry* entry = directory.find(tag);
    return entry == nullptr ? 0.0 : file.rational(*entry);
  };
  std::vector<std::uint64_t> unit;
  if (const TiffEntry* entry = directory.find(TIFFTAG_RESOLUTIONUNIT)) unit = file.integers(*entry, 1);
  const double x_resolution = rational(TIFFTAG_XRESOLUTION);
  const double y_resolution = rational(TIFFTAG_YRESOLUTION);
  const double unit_nm = unit.empty()                    ? 0
                         : unit[0] == RESUNIT_INCH       ? 25.4e6
                         : unit[0] == RESUNIT_CENTIMETER ? 1e7
                                                         : 0;
  VoxelSize resolution;
  if (unit_nm > 0 && x_resolution > 0 && y_resolution > 0) {
    resolution.x = positive(unit_nm / x_resolution);
    resolution.y = positive(unit_nm / y_resolution);
    if (resolution.x > largest_resolution_nm || resolution.y > largest_resolution_nm) resolution = {};
  }

  std::vector<Candidate> candidates;
  candidates.push_back({"Thermo/FEI tag 34682", parse_fei(text(tag_fei))});
  candidates.push_back({"Zeiss tag 34118", parse_zeiss(text(tag_zeiss))});
  const std::string description = text(TIFFTAG_IMAGEDESCRIPTION);
  if (const auto ome = parse_ome(description, "")) candidates.push_back({"OME-XML", ome->voxel_nm});
  if (const auto imagej = parse_imagej(description)) {
    VoxelSize nm;
    if (unit_nm > 0) {
      // Other programs write ImageJ's lines next to a resolution in inches or centimetres, which then holds.
      nm = resolution;
    } else if (x_resolution > 0 && y_resolution > 0) {
      nm.x = positive(imagej->x_unit_nm / x_resolution);
      nm.y = positive(imagej->y_unit_nm / y_resolution);
    }
    nm.z = positive(imagej->z_nm);
    candidates.push_back({"ImageJ", nm});
  }
  candidates.push_back({"resolution tags", resolution});

  VoxelReading reading;
  std::string z_source;
  for (const Candidate& candidate : candidates) {
    if (reading.nm.x == 0 && candidate.nm.x > 0 && candidate.nm.y > 0) {
      reading.nm.x = candidate.nm.x;
      reading.nm.y = candidate.nm.y;
      reading.source = candidate.name;
    }
    if (reading.nm.z == 0 && candidate.nm.z > 0) {
      reading.nm.z = candidate.nm.z;
      z_source = candidate.name;
    }
  }
  if (!z_source.empty() && z_source != reading.source) {
    reading.source += (reading.source.empty() ? "z from " : ", z from ") + z_source;
  }
  return reading;
}

}  // namespace fibflow::io
