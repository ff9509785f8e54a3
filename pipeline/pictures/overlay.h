#pragma once

#include <cstdint>
#include <vector>

#include "pipeline/pictures/live_picture.h"

namespace fibflow::pipeline {

/// The mask as something to lay over the image, RGBA: each class in its color, its outline opaque, its inside
/// translucent, everything else transparent.
std::vector<std::uint8_t> mask_overlay(const LivePicture& picture);

/// The image with that laid over it, RGB.
std::vector<std::uint8_t> overlaid(const LivePicture& picture);

}  // namespace fibflow::pipeline
