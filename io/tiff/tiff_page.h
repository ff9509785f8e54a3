#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/samples/stored_samples.h"
#include "io/slice.h"
#include "io/stack.h"
#include "io/tiff/tiff_file.h"

namespace fibflow::io {

/// What a directory says about its image, with TIFF's defaults where it says nothing.
struct TiffPage {
  std::uint64_t offset = 0;  ///< of the directory
  std::uint64_t width = 0;
  std::uint64_t height = 0;
  std::uint64_t bits = 1;
  std::uint64_t samples = 1;
  bool planar = false;              ///< each sample has strips or tiles of its own
  std::uint64_t extra_samples = 0;  ///< of the samples, those that are no colour: transparency
  std::uint64_t depth = 1;          ///< of a volumetric page
  std::uint64_t sample_format = 1;  ///< 1 unsigned, 2 signed, 3 IEEE float, ...
  std::uint64_t photometric = 1;    ///< 0 min-is-white, 1 min-is-black, 2 RGB, 3 palette, ...
  std::uint64_t compression = 1;
  std::uint64_t orientation = 1;
  std::uint64_t voxels_end = 0;  ///< file offset after the last strip or tile; 0 if the page does not say
  bool reduced = false;          ///< a thumbnail, pyramid level or transparency mask, not a slice

  static TiffPage of(const TiffFile& file, const TiffDirectory& directory);
  friend bool operator==(const TiffPage&, const TiffPage&) = default;
};

/// Pages in little memory: a stack has as many as it has slices, and most are alike. A plain value.
class TiffPages {
 public:
  void add(const TiffPage& page);

  std::size_t size() const { return offsets_.size(); }
  TiffPage operator[](std::size_t i) const;
  std::uint64_t offset(std::size_t i) const { return offsets_[i]; }

 private:
  std::vector<TiffPage> kinds_;  // without their places
  std::vector<std::uint32_t> kind_;
  std::vector<std::uint64_t> offsets_;
  std::vector<std::uint64_t> ends_;
};

/// The directories of a file in the order of its chain, each visited once.
/// Throws Error (bad_data) for a loop, or a directory outside the file.
TiffPages pages_of(const TiffFile& file);

/// How a page's samples are to be read as gray values.
struct GrayLayout {
  PixelType type = PixelType::u8;
  int height = 0;
  int width = 0;
  SampleForm stored;
  bool labels = false;
  bool inverted = false;  ///< min-is-white: stored v stands for maximum - v
  /// u8 only: what a stored value stands for, if it is not itself: a palette with colours besides its ramp of
  /// gray.
  std::vector<std::uint8_t> palette;

  SampleConversion conversion() const { return {stored, inverted, labels}; }

  std::size_t size_bytes() const;
  /// Of the voxels as they are stored, decoded.
  std::size_t stored_bytes() const;
};

/// Throws std::runtime_error that says what the page is, and what to convert it to, if it cannot be read as gray-scale u8,
/// u16 or f32. Colours count as gray if they are equal in each voxel, which shows when they are read; one of several samples
/// is read if `channel` says so. An 8-bit palette counts as gray if it is a ramp of gray, as Zeiss microscopes write it, in
/// which up to a quarter of the entries may be colours for drawing on the image; those are read as their
/// brightness.
GrayLayout gray_layout(const TiffFile& file, const TiffDirectory& directory, const OpenOptions& options = {});

/// In what `page` differs from `first`, with its own value first ("512 x 300 voxels instead of 512 x 512");
/// empty if the two can be slices of one stack. Compression may differ.
std::string difference(const TiffPage& page, const TiffPage& first);

/// "deflate", "lzw", ...
std::string compression_name(std::uint64_t compression);

/// More than this many voxel bytes cannot come out of one stored byte.
std::uint64_t largest_expansion(std::uint64_t compression);

}  // namespace fibflow::io
