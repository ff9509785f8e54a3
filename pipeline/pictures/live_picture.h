#pragma once

#include <cstdint>

#include "io/slice.h"
#include "pipeline/live/status/live_status.h"

namespace fibflow::pipeline {

/// Makes a slice and its mask small enough to look at: at most `longest_side` pixels a side. The gray values are means,
/// stretched between the 0.5 % and 99.5 % quantiles; the mask's are picked, so that classes stay classes. `image` has one
/// channel of any type, `mask` is u8 of the same height and width; throws std::invalid_argument else.
LivePicture make_live_picture(std::int64_t z, const io::Slice& image, const io::Slice& mask,
                              int longest_side = 1024);

}  // namespace fibflow::pipeline
