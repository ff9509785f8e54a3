#pragma once

#include <cstddef>
#include <cstdint>

#include "io/slice.h"
#include "io/tiff/tiff_page.h"

namespace fibflow::io {

/// Reads the voxels of the page whose directory is at `directory_offset`, through libtiff. The page must
/// still look as `layout` says. `z` is the slice's number. Throws std::runtime_error with the reason
/// (libtiff's own words for what it could not decode); Error (read_write) if the disk fails. Memory: the
/// slice, and at most one stored and one decoded strip or tile.
Slice decode_page(const TiffFile& file, std::uint64_t directory_offset, const GrayLayout& layout,
                  std::int64_t z);

/// Checks without decoding that libtiff can read the page: the codec is there, every strip or tile lies
/// inside the file, and the claimed size can come out of the stored bytes. Throws as decode_page does.
void check_page(const TiffFile& file, std::uint64_t directory_offset, const GrayLayout& layout);

/// Turns stored values into gray values, in place: inverts them, or looks them up in the palette.
void apply_layout(const GrayLayout& layout, std::byte* voxels);

}  // namespace fibflow::io
