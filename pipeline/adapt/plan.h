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
  int lag = 4;
  bool measures = true;         ///< slices are measured while they are segmented (else they are frozen)
  bool freezes = false;         ///< slices are segmented with frozen weights, sooner or later
  bool own_statistics = false;  ///< each slice is normalized with its own statistics
  bool probes = false;          ///< slices are measured in `batch` mode beforehand
  bool reopens = false;         ///< a slice may be measured in `batch` mode while others are segmented
  std::size_t voxel_bytes = 1;
  std::size_t decoding_bytes = 0;  ///< beside the slice, while one is read (io::StackInfo)
  std::size_t index_bytes = 0;     ///< of the whole stack (io::StackInfo)
  std::size_t layer_bytes = 1;     ///< per voxel, of all layers that are written
};

/// Tiles that are measured together in `batch` mode.
struct BatchPlan {
  std::vector<model::Region> cores;  ///< of each slice
  int workers = 1;  ///< at least `cores` times `slices`, or the tiles are computed again for each layer
  int slices = 1;   ///< at once
};

/// What a run uses.
struct Plan {
  nodes::TileGrid grid;
  FlowLimits limits;
  std::optional<BatchPlan> probe;
  double work = 1;                          ///< multiply-adds for a slice, relative to those without tiles
  std::size_t expected_memory = 0;          ///< peak of the process, in bytes
  int useful_threads = 1;                   ///< more cannot be kept busy
  std::vector<model::Region> reprobe = {};  ///< of a slice, to reopen the adaptation; empty if that cannot be
};

/// Plans tiles, workers and slices in flight.
///
/// Tiles depend on the slice, the network, the budget and the lag, never on the number of threads: the
/// moments of tiles are merged in their order, and other tiles would change the last bits of the statistics.
/// They are planned for four workers: of all grids that fit, the one with the least work per busy worker.
/// Threads decide how many workers and, where no slice waits for another's statistics, how many slices are
/// then at work.
///
/// Throws BudgetTooSmall (naming the smallest that works), std::invalid_argument if request.tile is negative,
/// ModelError if the network cannot take such slices.
Plan plan_run(const model::Inference& inference, const PlanRequest& request);

/// The part of a slice that the probe measures: all of it up to a megapixel; of larger slices about a
/// megapixel in cores of up to 512 x 512 pixels, evenly spread, each with its true surroundings. Depends on
/// the size only. Nothing if it is the whole slice.
std::optional<std::vector<model::Region>> probe_sample(int height, int width, int alignment);

/// Bytes that do not depend on the tiles: the process, the network, and this many copies of its weights.
std::size_t fixed_memory(const model::Inference& inference, int weight_copies);

/// Bytes of one worker that computes such cores.
std::size_t worker_memory(const model::Inference& inference, const std::vector<model::Region>& cores,
                          model::PlanKind kind, std::size_t layer_bytes);

}  // namespace fibflow::pipeline
