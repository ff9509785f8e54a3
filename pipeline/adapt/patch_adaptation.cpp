#include "pipeline/adapt/patch_adaptation.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include "nodes/tiles/batch_measurer.h"
#include "nodes/tiles/tile_runner.h"
#include "pipeline/adapt/plan.h"
#include "pipeline/flow/pipeline_error.h"
#include "pipeline/flow/spoken.h"

namespace fibflow::pipeline {
namespace {

/// A permutation that is the same with every standard library, unlike std::shuffle's.
template <typename T>
void shuffle(std::vector<T>& items, std::mt19937_64& random) {
  for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[random() % i]);
}

/// Slices that are in memory together.
std::int64_t slices_per_window(const io::StackInfo& info, std::int64_t slices) {
  const std::int64_t pixels = static_cast<std::int64_t>(info.height) * info.width;
  return std::clamp<std::int64_t>(PatchAdaptation::window_pixels / pixels, 1, slices);
}

/// The network ready for the sizes of patches that a stack has: at most four.
class PatchInference {
 public:
  explicit PatchInference(const model::Network& network) : network_(network) {}

  const model::Inference& of(const nodes::PreparedSlice& patch) {
    const int height = patch.slice.height();
    const int width = patch.slice.width();
    const auto found = sizes_.find({height, width});
    if (found != sizes_.end()) return found->second;
    return sizes_.try_emplace({height, width}, network_, height, width).first->second;
  }

 private:
  const model::Network& network_;
  std::map<std::pair<int, int>, model::Inference> sizes_;
};

/// Takes batch after batch.
class BatchUpdater {
 public:
  BatchUpdater(const model::Network& network, const PatchAdaptation& adaptation, int workers,
               model::Estimator& estimator, ThreadTeam& team, RunContext& run)
      : adaptation_(adaptation),
        inference_(network),
        measurer_(network),
        workers_(workers),
        estimator_(estimator),
        team_(team),
        run_(run) {}

  void operator()(const std::vector<nodes::PreparedSlice>& patches) {
    run_.call("patch adaptation", {patches.front().slice.z()}, [&] {
      const nodes::ParallelLoop loop = team_.loop(workers_.capacity(), "patch", run_);
      model::Moments moments;
      team_.run([&] {
        moments = adaptation_.normalize_by == NormalizeBy::batch ? measure_batch(patches, loop)
                                                                 : measure_running(patches, loop);
      });
      estimator_.update(moments, static_cast<double>(patches.size()));
      return true;
    });
  }

 private:
  static model::Region all_of(const nodes::PreparedSlice& patch) {
    return {{0, patch.slice.height()}, {0, patch.slice.width()}};
  }

  model::Moments measure_batch(const std::vector<nodes::PreparedSlice>& patches,
                               const nodes::ParallelLoop& loop) {
    nodes::BatchMeasurer::Input tiles;
    for (const nodes::PreparedSlice& patch : patches) {
      const model::Inference& inference = inference_.of(patch);
      tiles.push_back({patch, inference.plan(all_of(patch), model::PlanKind::measured), inference.weights()});
    }
    return measurer_(tiles, workers_, loop).merged;
  }

  /// Normalized with the running statistics before this batch.
  model::Moments measure_running(const std::vector<nodes::PreparedSlice>& patches,
                                 const nodes::ParallelLoop& loop) {
    const auto used = std::make_shared<const model::Statistics>(
        model::blend(estimator_.estimate(), estimator_.source(), adaptation_.source_share));
    std::vector<nodes::TileRunner> runners;  // the loop only reads
    for (const nodes::PreparedSlice& patch : patches) runners.emplace_back(inference_.of(patch));
    std::vector<model::Moments> moments(patches.size());
    loop(static_cast<int>(patches.size()), [&](int n) {
      const auto i = static_cast<std::size_t>(n);
      const nodes::Snapshot snapshot{model::PlanKind::measured, runners[i].inference().weights(), used};
      const auto worker = workers_.lend();
      moments[i] = runners[i].measure(patches[i], all_of(patches[i]), snapshot, *worker);
    });
    model::Moments merged;
    for (const model::Moments& m : moments) merged.merge(m);
    return merged;
  }

  const PatchAdaptation& adaptation_;
  PatchInference inference_;
  nodes::BatchMeasurer measurer_;
  nodes::WorkerPool workers_;
  model::Estimator& estimator_;
  ThreadTeam& team_;
  RunContext& run_;
};

}  // namespace

nodes::TileGrid patch_grid(int height, int width, const model::Network& network) {
  const int stride = std::max(1, network.stride());
  const auto size = [stride](int extent) {
    const int parts =
        std::max(1, static_cast<int>(std::lround(static_cast<double>(extent) / PatchAdaptation::patch)));
    return ((extent + parts - 1) / parts + stride - 1) / stride * stride;
  };
  return nodes::TileGrid(height, width, size(height), size(width), stride);
}

PatchMemory patch_memory(const model::Network& network, const io::StackInfo& info, std::int64_t slices) {
  const nodes::TileGrid grid = patch_grid(info.height, info.width, network);
  const model::Region largest{{0, grid.core_height()}, {0, grid.core_width()}};
  const model::Inference inference(network, largest.height(), largest.width());
  std::map<std::pair<int, int>, int> sizes;
  for (const model::Region& core : grid.cores()) ++sizes[{core.height(), core.width()}];
  const auto pixels = static_cast<std::size_t>(info.height) * static_cast<std::size_t>(info.width);
  const std::size_t voxel = io::bytes_per_voxel(info.type);
  PatchMemory memory;
  // A window of slices cut into patches, and the slice that is being read, decoded and cut.
  const auto window = static_cast<std::size_t>(slices_per_window(info, slices));
  memory.fixed = fixed_memory(inference, static_cast<int>(sizes.size())) + (window + 3) * pixels * voxel;
  memory.worker = worker_memory(inference, {largest}, model::PlanKind::measured, 1);
  return memory;
}

void require_patch_memory(const PatchMemory& memory, std::size_t budget) {
  if (memory.smallest() <= budget) return;
  const std::size_t mebibytes = (memory.smallest() >> 20) + 1;
  throw BudgetTooSmall("a memory budget of " + spoken_memory(budget) +
                           " is too small for the first of two passes: the smallest that works is " +
                           std::to_string(mebibytes) + "M",
                       mebibytes << 20);
}

void adapt_over_patches(io::Stack& stack, SliceRange range, const nodes::Normalizer& normalizer,
                        const model::Network& network, const PatchAdaptation& adaptation,
                        model::Estimator& estimator, ThreadTeam& team, RunContext& run) {
  const io::StackInfo& info = stack.info();
  const nodes::TileGrid grid = patch_grid(info.height, info.width, network);
  const PatchMemory memory = patch_memory(network, info, range.size());
  require_patch_memory(memory, adaptation.memory);
  const std::size_t fit = (adaptation.memory - memory.fixed) / memory.worker;
  const int workers = static_cast<int>(std::min<std::size_t>(fit, PatchAdaptation::batch));
  BatchUpdater update(network, adaptation, workers, estimator, team, run);

  std::mt19937_64 random(PatchAdaptation::seed);
  std::vector<std::int64_t> slices(static_cast<std::size_t>(range.size()));
  std::iota(slices.begin(), slices.end(), range.first);
  shuffle(slices, random);
  const auto window = static_cast<std::size_t>(slices_per_window(info, range.size()));

  std::vector<nodes::PreparedSlice> patches;  // of the window, and what the one before left over
  for (std::size_t begin = 0; begin < slices.size(); begin += window) {
    const auto end = std::min(slices.size(), begin + window);
    std::sort(slices.begin() + static_cast<std::ptrdiff_t>(begin),
              slices.begin() + static_cast<std::ptrdiff_t>(end));
    for (std::size_t i = begin; i < end; ++i) {
      const io::Slice slice = run.call("reader", {slices[i]}, [&] { return stack.read(slices[i]); });
      const auto prepared = run.call("normalizer", {slices[i]}, [&] { return normalizer({0, slice}); });
      for (const model::Region& core : grid.cores()) {
        patches.push_back(
            {0, slice.part({{core.y.begin, core.y.end}, {core.x.begin, core.x.end}}), prepared.affine});
        if (prepared.counted) patches.back().counted = prepared.counted->part(core);
      }
    }
    shuffle(patches, random);
    while (patches.size() >= PatchAdaptation::batch || (end == slices.size() && !patches.empty())) {
      const std::size_t count = std::min<std::size_t>(patches.size(), PatchAdaptation::batch);
      update({patches.end() - static_cast<std::ptrdiff_t>(count), patches.end()});
      patches.resize(patches.size() - count);
    }
    for (std::size_t i = begin; i < end; ++i) run.advance();
  }
}

}  // namespace fibflow::pipeline
