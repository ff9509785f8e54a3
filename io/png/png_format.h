#pragma once

#include "io/format.h"

namespace fibflow::io {

/// PNG files, one slice each, to be read: gray of 1 to 16 bits as it is stored, palettes and colours if they are gray in each
/// voxel; transparency is left out. They cannot be written as stacks.
const Format& png_format();

}  // namespace fibflow::io
