#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "io/stack.h"
#include "io/tiff/image_description.h"
#include "io/tiff/tiff_file.h"
#include "io/tiff/tiff_page.h"

namespace fibflow::io {

/// A multi-page TIFF, one slice per page. Also ImageJ's own form beyond 4 GB: one directory, and the voxels
/// of all slices in one run after it.
///
/// Refused, with what it is and what to do: colour, palettes (but for a ramp of gray), more than one sample
/// or channel of which none is chosen, complex samples, pages that differ, volumetric pages, a time series of volumes, several
/// stacks in one file, OME planes out of z order, chains of pages that loop or leave the file. Handled, and told in
/// info().remarks: min-is-white is inverted, so that bright is bright; thumbnails, pyramid levels and masks are left out; the
/// orientation tag is ignored, as ImageJ does; the frames of a film are taken as slices; signed samples are moved up by half
/// their range, half and double ones are floats, 32- and 64-bit whole ones must fit 16 bits, RGB must be gray.
class TiffStack : public Stack {
 public:
  /// `one_of_many`: the file is one slice of a folder, and rightly holds less than its description tells of
  /// the whole.
  explicit TiffStack(const std::string& path, bool one_of_many = false, const OpenOptions& options = {});

  const StackInfo& info() const override { return info_; }
  std::vector<std::string> files() const override { return {file_.path()}; }
  Slice read(std::int64_t z) override;
  Slice read_region(std::int64_t z, const Region& region) override;

 private:
  using Dimensions = std::vector<std::pair<char, std::int64_t>>;  // a letter and a size, the slowest first

  void select_pages();
  void leave_thumbnails_out();
  void interpret_description(const TiffDirectory& directory, bool one_of_many);
  void interpret_shape(const TiffDirectory& directory, const ShapedDescription& shaped, bool one_of_many);
  void choose_channel(const std::string& who, const Dimensions& dimensions);
  void look_for_film(const std::string& who, const Dimensions& dimensions);
  void keep_pages(const std::vector<std::size_t>& kept);
  void claim_contiguous(const TiffDirectory& directory, std::int64_t images, const std::string& who);
  Slice read_contiguous(std::int64_t z, const Region& region) const;
  std::string page_name(std::int64_t z) const;

  const OpenOptions options_;
  TiffFile file_;
  StackInfo info_;
  GrayLayout layout_;
  bool palette_ = false;
  bool planes_are_slices_ = false;
  TiffPages pages_;                          // only while opening
  std::vector<std::uint64_t> directories_;   // of the slices
  std::vector<std::uint32_t> page_numbers_;  // from 1, as in the file
  std::uint64_t contiguous_at_ = 0;          // file offset of slice 0; 0 if each slice has its page
};

}  // namespace fibflow::io
