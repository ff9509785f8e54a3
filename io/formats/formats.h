#pragma once

#include <memory>
#include <string>

#include "io/stack.h"

namespace fibflow::io {

/// Opens a multi-page TIFF, a folder of single-page TIFFs or a glob ("cell/slice_*.tif").
/// Files of a folder or glob are taken in natural order (slice_2 before slice_10).
/// Slices are gray-scale u8, u16 or f32; anything else is refused with what it is. What is handled on purpose
/// (min-is-white, gray palettes, thumbnails, films, ImageJ's files beyond 4 GB) stands in io/tiff/tiff_stack.h, and
/// info().remarks tells where it was.
/// Throws io::Error: missing if there is no such input, bad_data if it is not a readable gray-scale stack.
std::unique_ptr<Stack> open_stack(const std::string& path);

}  // namespace fibflow::io
