#pragma once

#include "io/format.h"

namespace fibflow::io {

/// JPEG files, one slice each, to be read: gray, or colours that are gray in each voxel. They cannot be written.
const Format& jpeg_format();

}  // namespace fibflow::io
