#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "model/tile/inference.h"
#include "nodes/tiles/tile_grid.h"
#include "pipeline/flow/segment_graph.h"

namespace fibflow::pipeline {

/// The largest core of a slice's tiles, in pixels. Tiles decide the last bits of a result, so every part of a run has those
/// of its first part, whatever memory it has.
struct TileSize {
  int height = 0;
  int width = 0;
  friend bool operator==(const TileSize&, const TileSize&) = default;
};

/// What a run needs to be planned for.
struct PlanRequest {
  std::size_t memory = 0;  ///< budget of the process, in bytes
  int threads = 1;
  int tile = 0;                                  ///< largest height and width of a core; 0: to be planned
  std::optional<TileSize> tiles = std::nullopt;  ///< decided already: by the part of the run before this one
  int lag = 1;
  bool probes = false;                      ///< slices are measured beforehand
  bool measures = true;                     ///< and on the way,
  std::optional<int> every = std::nullopt;  ///< one of so many; nothing: to be planned
  std::size_t voxel_bytes = 1;
  std::size_t decoding_bytes = 0;  ///< beside the slice, while one is read (io::StackInfo)
  std::size_t index_bytes = 0;     ///< of the whole stack (io::StackInfo)
  std::size_t layer_bytes = 1;     ///< per pixel, of all layers that the network's output is kept in
  std::size_t unscaled_bytes =
      0;  ///< of a slice as it is read, where it is scaled for the network, or its gray levels are matched
  std::size_t finished_bytes = 0;  ///< of a slice as it is written, where that is made of probabilities
  int copies = 1;                  ///< that the network sees of a slice
  int reach = 0;                   ///< neighbouring slices on each side that a slice waits for
};

/// How samples of slices are measured in `batch` mode.
struct SamplePlan {
  std::vector<model::Region> cores;  ///< of each slice; see sample_cores()
  int workers = 1;  ///< for each slice; fewer than cores: they are computed again for each layer
  int slices = 1;   ///< at once
};

/// What a run uses.
struct Plan {
  nodes::TileGrid grid;
  FlowLimits limits;
  std::optional<SamplePlan> probe = {};    ///< before the first slice
  std::optional<SamplePlan> measure = {};  ///< on the way,
  int every = 0;                           ///< of one of so many slices; 0: of none
  double work = 1;                         ///< multiply-adds for a slice, relative to those without tiles
  std::size_t expected_memory = 0;         ///< peak of the process, in bytes
  int useful_threads = 1;                  ///< more cannot be kept busy
};

/// Plans tiles, workers and slices in flight.
///
/// Tiles depend on the slice, the network, the budget and the lag, never on the number of threads: other tiles may change the
/// last bits of a result. They are planned for four workers: of all grids that fit, the one with the least work per busy
/// worker. Threads decide how many workers and slices are then at work. What is measured of a slice depends on its size and the
/// network only, and so does of which slices, if that is not said.
///
/// Throws BudgetTooSmall (naming the smallest that works), std::invalid_argument if request.tile is negative,
/// ModelError if the network cannot take such slices.
Plan plan_run(const model::Inference& inference, const PlanRequest& request);

/// The part of a slice that is measured, as cores that each have their true surroundings: all of it up to a megapixel, in equal
/// cores of up to 576 x 576 pixels; of larger slices about a megapixel in cores of up to 512 x 512, evenly spread. Depends on
/// the size and the alignment only.
std::vector<model::Region> sample_cores(int height, int width, int alignment);

/// The part of a slice that is compared: the same, but for slices up to a megapixel, which are compared whole (nothing).
std::optional<std::vector<model::Region>> sample_of_large(int height, int width, int alignment);

/// Of how many slices one is measured so that it costs at most 5 % of segmenting them, by the multiply-adds of both; 1 or more.
int planned_every(const model::Inference& inference, const std::vector<model::Region>& cores);

/// Bytes that do not depend on the tiles: the process, the network, and this many copies of its weights.
std::size_t fixed_memory(const model::Inference& inference, int weight_copies);

/// Bytes of one worker that computes such cores.
std::size_t worker_memory(const model::Inference& inference, const std::vector<model::Region>& cores,
                          model::PlanKind kind, std::size_t layer_bytes);

}  // namespace fibflow::pipeline
