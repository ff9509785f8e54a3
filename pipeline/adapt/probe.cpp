#include "pipeline/adapt/probe.h"

#include <algorithm>

#include "nodes/tiles/batch_measurer.h"

namespace fibflow::pipeline {

std::vector<std::int64_t> spread_slices(SliceRange range, int count) {
  const std::int64_t parts = std::min<std::int64_t>(count, range.size());
  std::vector<std::int64_t> slices;
  for (std::int64_t i = 0; i < parts; ++i)
    slices.push_back(range.first + (2 * i + 1) * range.size() / (2 * parts));
  return slices;
}

std::vector<std::int64_t> first_slices(SliceRange range, int count) {
  std::vector<std::int64_t> slices;
  for (std::int64_t i = 0; i < std::min<std::int64_t>(count, range.size()); ++i)
    slices.push_back(range.first + i);
  return slices;
}

int intensity_sample_of_first(int probe) {
  return probe > 0 ? probe : 3;
}

model::Moments measure_probe(io::Stack& stack, const std::vector<std::int64_t>& slices,
                             const nodes::Normalizer& normalizer, const model::Inference& inference,
                             double source_share, const BatchPlan& plan, ThreadTeam& team, RunContext& run) {
  const nodes::BatchMeasurer measurer(inference.network(), source_share);
  nodes::WorkerPool workers(plan.workers);
  const nodes::ParallelLoop over_tiles = team.loop(plan.workers, "probe tile", run);

  const auto read = [&](std::int64_t z) {
    const auto slice = run.call("reader", {z}, [&] { return stack.read(z); });
    return run.call("normalizer", {z}, [&] { return normalizer({0, slice}); });
  };
  const auto measure = [&](const nodes::PreparedSlice& slice) {
    nodes::BatchMeasurer::Input tiles;
    for (const model::Region& core : plan.cores) {
      tiles.push_back({slice, inference.plan(core, model::PlanKind::measured), inference.weights()});
    }
    return measurer(tiles, workers, over_tiles).merged;
  };

  model::Moments pooled;
  for (std::size_t begin = 0; begin < slices.size();) {
    const std::size_t count = std::min(slices.size() - begin, static_cast<std::size_t>(plan.slices));
    std::vector<nodes::PreparedSlice> group;
    for (std::size_t i = 0; i < count; ++i) group.push_back(read(slices[begin + i]));
    std::vector<model::Moments> measured(count);
    team.run([&] {
      team.loop(plan.slices)(static_cast<int>(count), [&](int i) {
        const auto n = static_cast<std::size_t>(i);
        measured[n] = run.call("probe", {slices[begin + n]}, [&] { return measure(group[n]); });
        run.advance();
      });
    });
    for (const model::Moments& moments : measured) pooled.merge(moments);
    begin += count;
  }
  return pooled;
}

}  // namespace fibflow::pipeline
