#pragma once

#include <span>

#include "io/slice.h"
#include "model/region.h"
#include "nodes/intensity/normalization.h"

namespace fibflow::nodes {

/// Cuts a region out of a slice as the network wants it: dense float [channels, region height, region width],
/// affine applied; each channel is one of the slice's neighbours (as many as there are channels), or the slice itself if it
/// stands alone. What sticks out of the slice is mirrored without
/// repeating the border pixel, as often as it takes (PyTorch's and NumPy's "reflect").
/// Throws std::logic_error if output has another size, or the neighbours another number.
void cut_tile(const io::Slice& slice, const Affine& affine, const model::Region& region, int channels,
              std::span<float> output);

}  // namespace fibflow::nodes
