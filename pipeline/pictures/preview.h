#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/slice.h"
#include "model/region.h"

namespace fibflow::pipeline {

/// A slice, made small, with what the source and the adapted network made of it. Pictures are 8-bit gray, rows top to
/// bottom; where only windows of the slice were compared, they show these windows side by side.
struct Preview {
  static constexpr int longest_side = 512;  ///< pixels

  std::int64_t z = 0;
  int height = 0;
  int width = 0;
  std::vector<std::uint8_t> image;         ///< stretched between the 0.5 % and the 99.5 % quantile
  std::vector<std::uint8_t> source_mask;   ///< share of foreground, 255 for all
  std::vector<std::uint8_t> mask;          ///< the same, of the adapted network
  std::vector<std::uint8_t> probability;   ///< of the foreground, of the adapted network
  std::vector<std::uint8_t> disagreement;  ///< share of pixels that are foreground in one mask only
};

/// The same as it is kept and shown: each picture "data:image/png;base64,...".
struct EncodedPreview {
  std::int64_t z = 0;
  int height = 0;
  int width = 0;
  std::string image;
  std::string source_mask;
  std::string mask;
  std::string probability;
  std::string disagreement;
};
EncodedPreview encoded(const Preview& preview);

/// Puts parts of a slice next to each other: where each part is in the picture, and the picture's size.
struct Mosaic {
  explicit Mosaic(const std::vector<model::Region>& areas);

  int height = 0;
  int width = 0;
  std::vector<model::Region> areas;  ///< of the slice
  std::vector<int> top;              ///< of each area in the picture
  std::vector<int> left;
};

/// The voxels of the areas in the picture, as floats; 0 between them.
std::vector<float> cut_mosaic(const Mosaic& mosaic, const io::Slice& slice);

/// A plane of height x width pixels as means over boxes, so that it has at most Preview::longest_side pixels a side.
struct SmallPicture {
  int height = 0;
  int width = 0;
  std::vector<float> pixels;
};
SmallPicture averaged_down(const std::vector<float>& pixels, int height, int width);

/// Gray levels of values: 0 at `low`, 255 at `high`, clamped.
std::vector<std::uint8_t> gray_levels(const std::vector<float>& values, float low, float high);

/// The values at the 0.5 % and 99.5 % quantiles.
std::pair<float, float> display_range(std::vector<float> values);

/// "data:image/png;base64,..." of an 8-bit gray picture.
std::string png_data_url(int height, int width, const std::vector<std::uint8_t>& pixels);

}  // namespace fibflow::pipeline
