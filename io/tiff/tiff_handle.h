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

/// The same for a rectangle that lies in the page: decodes the strips or tiles that it touches, no others.
Slice decode_region(const TiffFile& file, std::uint64_t directory_offset, const GrayLayout& layout,
                    std::int64_t z, const Region& region);

/// Checks without decoding that libtiff can read the page: the codec is there, every strip or tile lies
/// inside the file, and the claimed size can come out of the stored bytes. Returns the bytes that decoding takes beside the
/// slice. Throws as decode_page does.
std::size_t check_page(const TiffFile& file, std::uint64_t directory_offset, const GrayLayout& layout);

/// The columns that have to be decoded for a region: all of them where voxels are not whole bytes.
Interval stored_columns(const GrayLayout& layout, const Region& region);

/// Turns stored values into gray values, in place: inverts them, or looks them up in the palette.
void apply_layout(const GrayLayout& layout, std::byte* voxels);

}  // namespace fibflow::io
