#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "io/slice.h"

namespace fibflow::nodes {

/// What slices can be segmented into: a map of the slice's size each. A new kind of output is a name here, what Classifier
/// makes of it, and the option that asks for it (pipeline/options/options.h); what lies between takes every layer alike.
enum class Layer {
  mask,         ///< 0 and 255, or the class for two and more channels; u8
  probability,  ///< of the foreground
};

/// All of them, in the order in which they are made.
inline constexpr Layer all_layers[] = {Layer::mask, Layer::probability};

/// "mask", "probability": of one; and of those of a stack, "masks", "probabilities".
constexpr const char* name_of(Layer layer) {
  return layer == Layer::mask ? "mask" : "probability";
}
constexpr const char* plural_of(Layer layer) {
  return layer == Layer::mask ? "masks" : "probabilities";
}

/// How a layer's voxels are stored.
struct LayerFormat {
  Layer layer = Layer::mask;
  io::PixelType type = io::PixelType::u8;
  int of_class = -1;  ///< a probability: of this class, from 0 on; -1: of the foreground
};

/// What is made of the network's output.
struct PredictionFormat {
  double threshold = 0.5;  ///< one channel only: foreground is what is more probable than this
  std::vector<LayerFormat> layers = {{Layer::mask, io::PixelType::u8}};
};

/// Of a voxel of all layers together.
inline std::size_t bytes_per_voxel(const std::vector<LayerFormat>& layers) {
  std::size_t bytes = 0;
  for (const LayerFormat& format : layers) bytes += io::bytes_per_voxel(format.type);
  return bytes;
}

/// The member of a list that is of this layer; each has a member `layer`. Throws std::logic_error if there is none.
template <typename List>
auto& of_layer(List& list, Layer layer) {
  const auto found =
      std::find_if(list.begin(), list.end(), [&](const auto& one) { return one.layer == layer; });
  if (found == list.end()) throw std::logic_error("a layer was not made");
  return *found;
}

}  // namespace fibflow::nodes
