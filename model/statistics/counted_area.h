#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "model/region.h"

namespace fibflow::model {

/// Which part of an image (a slice, or a patch of one) counts in moments, by square blocks of pixels.
/// A pixel of a feature map counts where the image pixel at its centre does; a centre between two pixels is at the
/// first, as in tiles' shares, and one outside the image at the border. Immutable and cheap to copy; every member may be called in parallel.
class CountedArea {
 public:
  /// counts: [ceil(height / block), ceil(width / block)], row by row, not 0 where a block counts; the blocks at
  /// the bottom and on the right may stick out of the image. Throws std::invalid_argument if a size does not fit.
  CountedArea(int height, int width, int block, std::vector<std::uint8_t> counts);

  int height() const { return extent_.height(); }  ///< of the image, in pixels
  int width() const { return extent_.width(); }
  int block() const { return block_; }  ///< side, in pixels

  bool counts(int y, int x) const { return row(block_row(y))[block_column(x)] != 0; }

  /// The grid's row that holds a pixel's row, and its column; pixels beyond the image belong to its border.
  int block_row(int y) const { return clamped(y, extent_.y) / block_; }
  int block_column(int x) const { return clamped(x, extent_.x) / block_; }
  const std::uint8_t* row(int block_row) const {
    return counts_->data() + std::ptrdiff_t{block_row} * columns_;
  }

  /// The share of the image's pixels that count, in [0, 1].
  double share() const;

  /// The same for a patch that is cut out of the image.
  CountedArea part(const Region& patch) const;

 private:
  static int clamped(int i, const Interval& extent) {
    return std::clamp(i + extent.begin, extent.begin, extent.end - 1);
  }

  Region extent_;  // of the image, in pixels from the grid's corner
  int block_;
  int columns_;
  std::shared_ptr<const std::vector<std::uint8_t>> counts_;
};

}  // namespace fibflow::model
