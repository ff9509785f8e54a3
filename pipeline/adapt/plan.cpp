#include "pipeline/adapt/plan.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "pipeline/flow/pipeline_error.h"
#include "pipeline/flow/spoken.h"

namespace fibflow::pipeline {
namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

// The process without data: code, libraries, threads' stacks, the heap's slack. Measured, with a margin.
constexpr std::size_t process_memory = 48 * mebibyte;
// Of that, for knowing where slices are: some ten thousand of them.
constexpr std::size_t index_allowance = 4 * mebibyte;
// A worker beside its workspace: compiled plans of the tiles at hand, thread-local buffers.
constexpr std::size_t worker_slack = 8 * mebibyte;
// Below this, a core is all halo.
constexpr int smallest_core = 64;
// The number of workers that tiles are planned for, whatever the number of threads.
constexpr int planned_workers = 4;
constexpr std::int64_t probe_pixels = std::int64_t{1} << 20;
constexpr int probe_core = 512;

std::size_t pixels(const model::Region& region) {
  return static_cast<std::size_t>(region.area());
}

/// Tiles of a grid that cost the same, and how many there are.
using TileClasses = std::map<std::array<int, 6>, std::pair<model::Region, int>>;

/// How far a border is, as far as it matters to a tile.
TileClasses classes_of(const model::Inference& inference, const std::vector<model::Region>& cores) {
  const int reach = inference.network().receptive_field_radius() + 2 * inference.alignment();
  TileClasses classes;
  for (const model::Region& core : cores) {
    const std::array<int, 6> key{core.height(),
                                 core.width(),
                                 std::min(core.y.begin, reach),
                                 std::min(core.x.begin, reach),
                                 std::min(inference.height() - core.y.end, reach),
                                 std::min(inference.width() - core.x.end, reach)};
    ++classes.try_emplace(key, core, 0).first->second.second;
  }
  return classes;
}

struct GridCost {
  std::size_t workspace = 0;  ///< of the largest tile
  double work = 0;            ///< multiply-adds of all tiles
};

GridCost cost_of(const model::Inference& inference, const std::vector<model::Region>& cores,
                 model::PlanKind kind) {
  GridCost total;
  for (const auto& [key, tiles] : classes_of(inference, cores)) {
    const model::Inference::Cost cost = inference.cost(tiles.first, kind);
    total.workspace = std::max(total.workspace, cost.workspace_bytes);
    total.work += cost.multiply_adds * tiles.second;
  }
  return total;
}

std::size_t worker_bytes(const model::Inference& inference, const std::vector<model::Region>& cores,
                         std::size_t workspace, std::size_t layer_bytes) {
  std::size_t largest = 0;
  for (const model::Region& core : cores) largest = std::max(largest, pixels(core));
  const auto channels = static_cast<std::size_t>(inference.network().output_channels());
  return workspace + largest * (channels * sizeof(float) + layer_bytes) + worker_slack;
}

/// A grid with what it needs.
struct Candidate {
  nodes::TileGrid grid;
  double work = 0;         ///< multiply-adds of a slice
  std::size_t worker = 0;  ///< bytes
  int workers = 0;         ///< that fit, and can be busy with slices_in_flight
  int slices_in_flight = 1;

  double time() const { return work / workers; }
};

class Planner {
 public:
  Planner(const model::Inference& inference, const PlanRequest& request)
      : inference_(inference), request_(request) {
    const std::size_t slice_pixels = pixels({{0, inference.height()}, {0, inference.width()}});
    slice_ = slice_pixels * (request.voxel_bytes + 2 * request.layer_bytes);
    // One slice is read ahead, and decoded; a percentile sorts a copy.
    const std::size_t aside =
        slice_pixels * (request.voxel_bytes + (request.voxel_bytes == 4 ? 4 : 0)) + request.decoding_bytes;
    const bool both = (request.measures || request.probes) && request.freezes;
    // Few slices change nothing, so that a part of a stack has the tiles of the whole.
    const std::size_t index = request.index_bytes - std::min(request.index_bytes, index_allowance);
    fixed_ = fixed_memory(inference, both ? 2 : 1) + aside + index;
  }

  Plan plan() const {
    const std::vector<nodes::TileGrid> grids = candidates();
    std::optional<Candidate> best;
    std::size_t smallest = std::numeric_limits<std::size_t>::max();
    for (const nodes::TileGrid& grid : grids) {
      Candidate candidate = costed(grid);
      smallest = std::min(smallest, fixed_ + slice_ + candidate.worker);
      // Smaller tiles mean more work: once all planned workers are busy, only another shape could be better.
      const bool enough = best && best->workers == planned_workers && grid.size() > 2 * best->grid.size();
      if (!fits(candidate, planned_workers, slice_bound())) continue;
      if (!best || candidate.time() < best->time()) best = candidate;
      if (enough) break;
    }
    smallest = std::max(smallest, smallest_probe());
    if (!best || smallest > request_.memory) refuse(smallest);
    return completed(*best);
  }

 private:
  /// Grids to choose from, largest tiles first.
  std::vector<nodes::TileGrid> candidates() const {
    const int alignment = inference_.alignment();
    const int height = inference_.height();
    const int width = inference_.width();
    const nodes::TileGrid whole = nodes::TileGrid::whole(height, width);
    if (request_.tiles) {
      const bool is_whole = *request_.tiles == TileSize{height, width};
      return {is_whole
                  ? whole
                  : nodes::TileGrid(height, width, request_.tiles->height, request_.tiles->width, alignment)};
    }
    if (request_.tile > 0) {
      const bool is_whole = request_.tile >= std::max(height, width);
      return {is_whole ? whole : nodes::TileGrid(height, width, request_.tile, alignment)};
    }
    std::vector<nodes::TileGrid> grids{whole};
    if (request_.own_statistics && fits_at_all(whole))
      return grids;  // lockstep over tiles needs more, not less
    const std::vector<int> heights = tile_sizes(height);
    const std::vector<int> widths = tile_sizes(width);
    for (const int h : heights) {
      for (const int w : widths) {
        if (h < height || w < width) grids.emplace_back(height, width, h, w, alignment);
      }
    }
    std::stable_sort(grids.begin(), grids.end(),
                     [](const auto& a, const auto& b) { return a.size() < b.size(); });
    return grids;
  }

  /// Sizes of tiles that split an extent into 1, 2, 3, 4, 6, 8, 12, … parts.
  std::vector<int> tile_sizes(int extent) const {
    const int alignment = inference_.alignment();
    const int least = std::min(extent, std::max(alignment, smallest_core));
    std::vector<int> sizes{extent};
    for (int parts = 2; parts < extent; parts += std::max(1, parts / 2)) {
      const int size = ((extent + parts - 1) / parts + alignment - 1) / alignment * alignment;
      if (size < least) break;
      if (size < sizes.back()) sizes.push_back(size);
    }
    if (sizes.back() > least) sizes.push_back((least + alignment - 1) / alignment * alignment);
    return sizes;
  }

  Candidate costed(const nodes::TileGrid& grid) const {
    Candidate candidate{grid};
    std::size_t workspace = 0;
    if (request_.freezes) {
      const GridCost cost = cost_of(inference_, grid.cores(), model::PlanKind::frozen);
      workspace = cost.workspace;
      candidate.work = cost.work;
    }
    if (request_.measures || request_.probes) {  // the probe may use the same tiles
      const GridCost cost = cost_of(inference_, grid.cores(), model::PlanKind::measured);
      workspace = std::max(workspace, cost.workspace);
      if (request_.measures) candidate.work = cost.work;
    }
    candidate.worker = worker_bytes(inference_, grid.cores(), workspace, request_.layer_bytes);
    if (request_.reopens) {  // by the same workers
      if (const auto sample = sampled()) candidate.worker = std::max(candidate.worker, probe_worker(*sample));
    }
    return candidate;
  }

  bool fits_at_all(const nodes::TileGrid& grid) const {
    return fixed_ + slice_ + costed(grid).worker <= request_.memory;
  }

  /// Slices that can be in flight without waiting for statistics.
  int slice_bound() const {
    const bool waits = request_.measures && !request_.own_statistics;
    return waits ? request_.lag : std::max(request_.lag, planned_workers);
  }

  /// Chooses as many workers as fit and can be busy, up to a limit, and the slices in flight for them; false
  /// if not even one fits.
  bool fits(Candidate& candidate, int most_workers, int most_slices) const {
    candidate.workers = 0;
    for (int slices = 1; slices <= most_slices; ++slices) {
      const std::size_t used = fixed_ + static_cast<std::size_t>(slices) * slice_;
      if (used + candidate.worker > request_.memory) break;
      const auto fit = static_cast<std::int64_t>((request_.memory - used) / candidate.worker);
      const std::int64_t busy = std::int64_t{slices} * candidate.grid.size();
      const auto workers = static_cast<int>(std::min({std::int64_t{most_workers}, fit, busy}));
      // A slice more lets reading and writing overlap with computing, as long as it costs no worker.
      if (workers >= candidate.workers) {
        candidate.workers = workers;
        candidate.slices_in_flight = slices;
      }
    }
    return candidate.workers > 0;
  }

  /// Workers and slices for the threads that there are, with the tiles that were chosen without regard to
  /// them.
  Plan completed(Candidate chosen) const {
    const bool waits = request_.measures && !request_.own_statistics;
    const int most_slices = waits ? request_.lag : std::max(request_.lag, request_.threads + 2);
    fits(chosen, std::numeric_limits<int>::max(), most_slices);
    Plan plan{chosen.grid, {}, std::nullopt, 1, 0, chosen.workers};
    fits(chosen, request_.threads, most_slices);
    plan.limits = {chosen.workers, chosen.slices_in_flight, 1};
    if (request_.own_statistics) {
      const int tiles = chosen.grid.size();
      plan.limits.whole_slices = std::max(1, chosen.workers / tiles);
      const std::size_t lockstep = fixed_ + static_cast<std::size_t>(chosen.slices_in_flight) * slice_ +
                                   static_cast<std::size_t>(tiles) * chosen.worker;
      if (chosen.workers < tiles && lockstep <= request_.memory) plan.limits.workers = tiles;
    }
    const model::Region all{{0, inference_.height()}, {0, inference_.width()}};
    const auto kind = request_.measures ? model::PlanKind::measured : model::PlanKind::frozen;
    plan.work = chosen.work / inference_.cost(all, kind).multiply_adds;
    plan.expected_memory = fixed_ + static_cast<std::size_t>(plan.limits.slices_in_flight) * slice_ +
                           static_cast<std::size_t>(plan.limits.workers) * chosen.worker;
    if (request_.probes) add_probe(plan);
    // Which pixels are measured must not depend on the grid: all of the slice, or a sample of its own tiles.
    if (request_.reopens) plan.reprobe = sampled().value_or(chosen.grid.cores());
    return plan;
  }

  std::optional<std::vector<model::Region>> sampled() const {
    return probe_sample(inference_.height(), inference_.width(), inference_.alignment());
  }

  std::size_t probe_slice() const {
    return pixels({{0, inference_.height()}, {0, inference_.width()}}) * request_.voxel_bytes;
  }

  std::vector<model::Region> probe_cores(const nodes::TileGrid& grid) const {
    if (auto sample = sampled()) return *sample;
    const nodes::TileGrid whole = nodes::TileGrid::whole(inference_.height(), inference_.width());
    const std::size_t needed = fixed_ + probe_slice() + probe_worker(whole.cores());
    return needed <= request_.memory ? whole.cores() : grid.cores();
  }

  std::size_t probe_worker(const std::vector<model::Region>& cores) const {
    return worker_memory(inference_, cores, model::PlanKind::measured, 1);
  }

  /// What a probe on a sample cannot do without: one worker, that computes every tile again for each layer. A
  /// probe on whole slices can do with the tiles of the graph.
  std::size_t smallest_probe() const {
    const auto sample = sampled();
    return request_.probes && sample ? fixed_ + probe_slice() + probe_worker(*sample) : 0;
  }

  void add_probe(Plan& plan) const {
    BatchPlan probe;
    probe.cores = probe_cores(plan.grid);
    const std::size_t worker = probe_worker(probe.cores);
    const std::size_t slice_group = probe_slice() + probe.cores.size() * worker;
    const std::size_t available = request_.memory - fixed_;
    const auto groups = static_cast<int>(std::min<std::size_t>(available / slice_group, 1 << 20));
    if (groups >= 1) {
      // More than there are threads would only take memory.
      const auto tiles = static_cast<int>(probe.cores.size());
      probe.slices = std::min(groups, (request_.threads - 1) / tiles + 1);
      probe.workers = probe.slices * tiles;
    } else {
      probe.workers = std::min(request_.threads, static_cast<int>((available - probe_slice()) / worker));
    }
    const std::size_t expected = fixed_ + static_cast<std::size_t>(probe.slices) * probe_slice() +
                                 static_cast<std::size_t>(probe.workers) * worker;
    plan.expected_memory = std::max(plan.expected_memory, expected);
    plan.probe = std::move(probe);
  }

  [[noreturn]] void refuse(std::size_t smallest) const {
    // Rounded up, so that what is named can be typed.
    const std::size_t rounded = (smallest + mebibyte - 1) / mebibyte * mebibyte;
    throw BudgetTooSmall(
        "a memory budget of " + spoken_memory(request_.memory) + " is too small for slices of " +
            std::to_string(inference_.height()) + " x " + std::to_string(inference_.width()) +
            " pixels with this model: the smallest that works is " + std::to_string(rounded / mebibyte) + "M",
        rounded);
  }

  const model::Inference& inference_;
  const PlanRequest& request_;
  std::size_t slice_ = 0;
  std::size_t fixed_ = 0;
};

}  // namespace

Plan plan_run(const model::Inference& inference, const PlanRequest& request) {
  if (request.tile < 0 || request.threads < 1 || request.lag < 1) {
    throw std::invalid_argument("tile, threads and lag must be positive");
  }
  return Planner(inference, request).plan();
}

std::optional<std::vector<model::Region>> probe_sample(int height, int width, int alignment) {
  if (static_cast<std::int64_t>(height) * width <= probe_pixels) return std::nullopt;
  const nodes::TileGrid grid(height, width, probe_core, alignment);
  const double count = static_cast<double>(probe_pixels) / static_cast<double>(grid.core(0).area());
  // A lattice of about that many cores, as fine one way as the other; each row is shifted against the one before.
  const double per_column = static_cast<double>(grid.rows()) / grid.columns();
  const int most_columns = std::clamp(static_cast<int>(std::lround(count)), 1, grid.columns());
  const int columns =
      std::clamp(static_cast<int>(std::lround(std::sqrt(count / per_column))), 1, most_columns);
  const int rows = std::clamp(static_cast<int>(std::lround(count / columns)), 1, grid.rows());
  std::vector<model::Region> cores;
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < columns; ++c) {
      const int y = (2 * r + 1) * grid.rows() / (2 * rows);
      const int x = ((2 * c + 1) * grid.columns() / (2 * columns) + r) % grid.columns();
      cores.push_back(grid.core(y * grid.columns() + x));
    }
  }
  return cores;
}

std::size_t fixed_memory(const model::Inference& inference, int weight_copies) {
  const std::size_t network = inference.network().parameters() * sizeof(float);
  return process_memory + 2 * network + static_cast<std::size_t>(weight_copies) * inference.weights_bytes();
}

std::size_t worker_memory(const model::Inference& inference, const std::vector<model::Region>& cores,
                          model::PlanKind kind, std::size_t layer_bytes) {
  return worker_bytes(inference, cores, cost_of(inference, cores, kind).workspace, layer_bytes);
}

}  // namespace fibflow::pipeline
