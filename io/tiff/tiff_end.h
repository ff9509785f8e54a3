#pragma once

#include <cstdint>

#include "io/tiff/tiff_file.h"

namespace fibflow::io {

/// Stored bytes that are zero at the end of the file, or of its slice's last strip or tile, in the order of the image or of the
/// file, whichever has more; of a tile only if all of it is zero. Throws Error (bad_data) if strips or tiles of the slice are not
/// there, or have no bytes: libtiff would read them from the file's header, or guess how long they are.
std::uint64_t zero_end(const TiffFile& file);

}  // namespace fibflow::io
