#pragma once

#include "io/format.h"

namespace fibflow::io {

/// Multi-page TIFF and BigTIFF: read by TiffStack, written by TiffWriter.
const Format& tiff_format();

}  // namespace fibflow::io
