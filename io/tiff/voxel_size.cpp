#include "io/tiff/voxel_size.h"

#include <tiff.h>

#include <cmath>
#include <vector>

#include "io/metadata/microscope.h"
#include "io/tiff/image_description.h"

namespace fibflow::io {
namespace {

constexpr std::uint16_t tag_fei = 34682;
constexpr std::uint16_t tag_zeiss = 34118;
constexpr std::uint16_t tag_tescan = 50431;
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

}  // namespace

VoxelReading read_voxel_size(const TiffFile& file, const TiffDirectory& directory, int height, int width) {
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
  VoxelReading reading;
  const auto add = [&](const MicroscopeFacts& facts) {
    candidates.push_back({facts.source, facts.nm});
    if (reading.data_bar == 0 && facts.data_bar > 0) {
      reading.data_bar = facts.data_bar;
      reading.data_bar_source = facts.source;
    }
  };
  add(read_fei(text(tag_fei), height, width));
  add(read_zeiss(text(tag_zeiss), height, width));
  if (const TiffEntry* entry = directory.find(tag_tescan)) {
    add(read_tescan(file.bytes(*entry, longest_metadata), height, width));
  }
  add(read_sidecar(file.path(), height, width));
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
