#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "io/slice.h"

namespace fibflow::pipeline {

/// A slice to look at, made small: 8 bit, at most some hundred pixels a side. Immutable once published.
struct LivePicture {
  std::int64_t z = 0;
  int height = 0;  ///< of the picture, pixels
  int width = 0;
  std::shared_ptr<const std::vector<std::uint8_t>> image;  ///< gray, stretched to be seen
  std::shared_ptr<const std::vector<std::uint8_t>> mask;   ///< as written: 0 and 255, or class indices
};

/// Makes a slice and its mask small enough to look at: at most `longest_side` pixels a side. The gray values are means,
/// stretched between the 0.5 % and 99.5 % quantiles; the mask's are picked, so that classes stay classes. `image` has one
/// channel of any type, `mask` is u8 of the same height and width; throws std::invalid_argument else.
LivePicture make_live_picture(std::int64_t z, const io::Slice& image, const io::Slice& mask,
                              int longest_side = 1024);

}  // namespace fibflow::pipeline
