#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "model/statistics/statistics.h"
#include "nodes/tiles/prediction.h"

namespace fibflow::nodes {

/// The moments of a slice: of each BatchNorm layer's input over all its pixels.
struct SliceMoments {
  std::int64_t order = 0;
  std::int64_t z = 0;
  std::shared_ptr<const model::Moments> moments;  ///< null if the slice was frozen
  std::shared_ptr<const PreparedSlice> prepared =
      nullptr;  ///< the slice itself if it is monitored, else null
};

/// Merges the moments of a slice's tiles in the order of the tiles: merging rounds, and the result must not
/// depend on which tile happened to be ready first. In:     Prediction, in any order. Out:    the slice's
/// moments, with its last tile; otherwise nothing. Keeps:  for each slice in flight the merged tiles and
/// those that wait for an earlier one. Throws: std::logic_error if a tile comes twice or only some of a
/// slice's tiles have moments.
class MomentsCollector {
 public:
  using Input = Prediction;
  using Output = std::optional<SliceMoments>;

  explicit MomentsCollector(int tiles_per_slice);

  Output operator()(const Input& prediction);

 private:
  struct Partial {
    std::shared_ptr<model::Moments> merged;                        // of the tiles before `next`
    int next = 0;                                                  // the tile to merge next
    std::map<int, std::shared_ptr<const model::Moments>> waiting;  // by tile
  };

  int tiles_per_slice_;
  std::map<std::int64_t, Partial> partial_;  // by order
};

}  // namespace fibflow::nodes
