#pragma once

#include "io/format.h"

namespace fibflow::io {

/// A folder, or a glob ("cell/slice_*.tif"), of files with one slice each.
const Format& folder_format();

}  // namespace fibflow::io
