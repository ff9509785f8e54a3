#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "io/slice.h"
#include "nodes/tiles/prediction.h"
#include "nodes/tiles/tile_grid.h"

namespace fibflow::nodes {

/// A layer of a slice.
struct LayerSlice {
  Layer layer = Layer::mask;
  io::Slice slice;
};

/// A segmented slice.
struct SegmentedSlice {
  std::int64_t order = 0;
  std::vector<LayerSlice> layers;  ///< in the order of the format's
  double foreground = 0;           ///< share of pixels that are not background
  double entropy = 0;  ///< mean over the pixels of the prediction's entropy, in bits (see Classifier)
  std::optional<double> expected_iou;  ///< see ExpectedOverlap
  double seconds = 0;                  ///< of work on its tiles, on one thread
  double featureless = 0;              ///< share of pixels that do not count in moments

  std::int64_t z() const { return layers.front().slice.z(); }
  const io::Slice& layer(Layer layer) const { return of_layer(layers, layer).slice; }
  const io::Slice& mask() const { return layer(Layer::mask); }
};

/// Joins one slice's predictions into the slice.
/// In:     Prediction, in any order.
/// Out:    the slice, with its last tile; otherwise nothing.
/// Keeps:  one partial slice per slice in flight.
/// Throws: std::logic_error if two tiles claim one core.
class Stitcher {
 public:
  using Input = Prediction;
  using Output = std::optional<SegmentedSlice>;

  Stitcher(TileGrid grid, PredictionFormat format);

  Output operator()(const Input& prediction);

 private:
  struct Partial {
    std::vector<std::shared_ptr<std::byte[]>> layers;  // in the order of the format's
    std::vector<bool> stitched;                        // by tile
    int missing = 0;
    std::int64_t foreground = 0;
    std::vector<double> entropy;            // by tile, to be summed in their order
    std::vector<ExpectedOverlap> expected;  // the same
    double seconds = 0;
  };

  TileGrid grid_;
  PredictionFormat format_;
  std::map<std::int64_t, Partial> partial_;  // by order
};

}  // namespace fibflow::nodes
