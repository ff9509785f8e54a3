#include "pipeline/adapt/plan.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "nodes/statistics/statistics_updater.h"
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
// Of a sample.
constexpr std::int64_t sample_pixels = std::int64_t{1} << 20;
constexpr int lattice_core = 512;  // of slices that are larger than that; and of others, the largest one
constexpr int largest_core = 576;
// A multiply-add of measuring takes at most so much longer than one of segmenting, as measured (docs/evidence.md).
constexpr double measuring_effort = 1.1;
// Of the time of segmenting: of 5 %, what the first layers of all slices leave.
constexpr double measuring_share = 0.035;

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

/// Multiply-adds of a slice without tiles.
double work_of_a_slice(const model::Inference& inference) {
  const model::Region all{{0, inference.height()}, {0, inference.width()}};
  return inference.cost(all, model::PlanKind::frozen).multiply_adds;
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
    slice_ = slice_pixels * (request.voxel_bytes + 2 * request.layer_bytes) + request.unscaled_bytes +
             2 * request.finished_bytes;
    // One slice is read ahead, and decoded; a percentile sorts a copy.
    const std::size_t aside =
        std::max(slice_pixels * (request.voxel_bytes + (request.voxel_bytes == 4 ? 4 : 0)),
                 request.unscaled_bytes) +
        request.decoding_bytes;
    // Slices that wait for their neighbours, and neighbours that were written.
    held_ = static_cast<std::size_t>(request.reach) * (slice_ + slice_pixels * request.layer_bytes);
    // Few slices change nothing, so that a part of a stack has the tiles of the whole.
    const std::size_t index = request.index_bytes - std::min(request.index_bytes, index_allowance);
    // Weights to segment with; others to measure with; and those of the snapshots before, a share for each slice.
    const int copies = 1 + (request.probes || request.measures ? 1 : 0) + (request.measures ? 1 : 0);
    fixed_ = fixed_memory(inference, copies) + aside + index + held_;
    if (!request.measures && !request.probes) return;
    cores_ = sample_cores(inference.height(), inference.width(), inference.alignment());
    sample_worker_ = worker_memory(inference, cores_, model::PlanKind::measured, 1);
    if (!request.measures) return;
    slice_ += inference.weights_bytes() / nodes::UpdateRule::between_renewals;
    // All cores of a sample at once is the fast way, as long as it leaves half of the memory to segmenting.
    const std::size_t left = request.memory - std::min(request.memory, fixed_);
    sample_workers_ = cores_.size() * sample_worker_ <= left / 2 ? static_cast<int>(cores_.size()) : 1;
    fixed_ += static_cast<std::size_t>(sample_workers_) * sample_worker_;
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
      if (!fits(candidate, planned_workers, std::max(request_.lag, planned_workers))) continue;
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
    const GridCost cost = cost_of(inference_, grid.cores(), model::PlanKind::frozen);
    candidate.work = cost.work;
    // The mean of several outputs is kept beside them.
    const auto channels = static_cast<std::size_t>(inference_.network().output_channels());
    const std::size_t mean = request_.copies > 1 ? channels * sizeof(float) : 0;
    candidate.worker = worker_bytes(inference_, grid.cores(), cost.workspace, request_.layer_bytes + mean);
    return candidate;
  }

  /// Chooses as many workers as fit and can be busy, up to a limit, and the slices in flight for them; false
  /// if not even one fits.
  bool fits(Candidate& candidate, int most_workers, int most_slices, std::size_t reserved = 0) const {
    candidate.workers = 0;
    for (int slices = 1; slices <= most_slices; ++slices) {
      const std::size_t used = fixed_ + reserved + static_cast<std::size_t>(slices) * slice_;
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
    const int most_slices = std::max(request_.lag, request_.threads + 2);
    std::optional<SamplePlan> measure;
    int every = 0;
    std::size_t reserved = 0;
    if (request_.measures) {
      measure = SamplePlan{cores_, sample_workers_, 1};
      every = request_.every.value_or(planned_every(inference_, measure->cores));
      measure->slices = samples_at_once(*measure, every, most_slices);
      reserved = static_cast<std::size_t>((measure->slices - 1) * measure->workers) * sample_worker_;
      // Whoever segments comes first.
      if (!fits(chosen, request_.threads, most_slices, reserved)) {
        measure->slices = 1;
        reserved = 0;
      }
    }
    fits(chosen, std::numeric_limits<int>::max(), most_slices, reserved);
    Plan plan{.grid = chosen.grid, .limits = {}, .useful_threads = chosen.workers};
    fits(chosen, request_.threads, most_slices, reserved);
    plan.limits = {chosen.workers, chosen.slices_in_flight + request_.reach, measure ? measure->slices : 1};
    plan.measure = std::move(measure);
    plan.every = every;
    plan.work = chosen.work / work_of_a_slice(inference_);
    plan.expected_memory = fixed_ + reserved + static_cast<std::size_t>(chosen.slices_in_flight) * slice_ +
                           static_cast<std::size_t>(plan.limits.workers) * chosen.worker;
    if (request_.probes) add_probe(plan);
    return plan;
  }

  /// As many slices as are due at once and threads can be busy with, in at most half of what segmenting leaves.
  int samples_at_once(const SamplePlan& sample, int every, int most_slices) const {
    const int due = (most_slices + every - 1) / every;
    const auto busy = (request_.threads - 1) / static_cast<int>(sample.cores.size()) + 1;
    const std::size_t each = static_cast<std::size_t>(sample.workers) * sample_worker_;
    const std::size_t left = (request_.memory - std::min(request_.memory, fixed_)) / 2;
    return std::min({due, busy, 1 + static_cast<int>(std::min<std::size_t>(left / each, 1 << 20))});
  }

  std::size_t probe_slice() const {
    return pixels({{0, inference_.height()}, {0, inference_.width()}}) * request_.voxel_bytes +
           request_.unscaled_bytes;
  }

  /// What a probe cannot do without: one worker, that computes every core again for each layer.
  std::size_t smallest_probe() const {
    if (!request_.probes) return 0;
    return fixed_without_measuring() + probe_slice() + sample_worker_;
  }

  /// Before the first slice, nothing is measured on the way.
  std::size_t fixed_without_measuring() const {
    return fixed_ - held_ - static_cast<std::size_t>(sample_workers_) * sample_worker_;
  }

  void add_probe(Plan& plan) const {
    SamplePlan probe{cores_, 1, 1};
    const std::size_t lockstep = probe_slice() + probe.cores.size() * sample_worker_;
    const std::size_t available = request_.memory - fixed_without_measuring();
    const auto tiles = static_cast<int>(probe.cores.size());
    const auto groups = static_cast<int>(std::min<std::size_t>(available / lockstep, 1 << 20));
    if (groups >= 1) {
      // More than there are threads would only take memory.
      probe.slices = std::min(groups, (request_.threads - 1) / tiles + 1);
      probe.workers = tiles;
    } else {
      probe.workers =
          std::min(request_.threads, static_cast<int>((available - probe_slice()) / sample_worker_));
    }
    const std::size_t expected =
        fixed_without_measuring() +
        static_cast<std::size_t>(probe.slices) *
            (probe_slice() + static_cast<std::size_t>(probe.workers) * sample_worker_);
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
  std::size_t held_ = 0;
  std::size_t fixed_ = 0;             // what measuring on the way takes, and held_, included
  std::vector<model::Region> cores_;  // of a sample, if anything is measured
  std::size_t sample_worker_ = 0;     // bytes
  int sample_workers_ = 0;            // for measuring on the way
};

}  // namespace

Plan plan_run(const model::Inference& inference, const PlanRequest& request) {
  if (request.tile < 0 || request.threads < 1 || request.lag < 1) {
    throw std::invalid_argument("tile, threads and lag must be positive");
  }
  return Planner(inference, request).plan();
}

std::vector<model::Region> sample_cores(int height, int width, int alignment) {
  if (auto sample = sample_of_large(height, width, alignment)) return *std::move(sample);
  return nodes::TileGrid(height, width, largest_core, alignment).cores();
}

int planned_every(const model::Inference& inference, const std::vector<model::Region>& cores) {
  const double sample = cost_of(inference, cores, model::PlanKind::measured).work;
  const double slices = measuring_effort * sample / (measuring_share * work_of_a_slice(inference));
  return std::max(1, static_cast<int>(std::ceil(slices)));
}

std::optional<std::vector<model::Region>> sample_of_large(int height, int width, int alignment) {
  if (static_cast<std::int64_t>(height) * width <= sample_pixels) return std::nullopt;
  const nodes::TileGrid grid(height, width, lattice_core, alignment);
  const double count = static_cast<double>(sample_pixels) / static_cast<double>(grid.core(0).area());
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
