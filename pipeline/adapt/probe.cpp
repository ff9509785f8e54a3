#include "pipeline/adapt/probe.h"

#include <algorithm>

#include "nodes/statistics/sample_measurer.h"

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

std::vector<model::Moments> measure_probe(io::Stack& stack, const std::vector<std::int64_t>& slices,
                                          const nodes::Normalizer& normalizer,
                                          const model::Inference& inference, double source_share,
                                          const SamplePlan& plan, ThreadTeam& team, RunContext& run) {
  const nodes::SampleMeasurer measure(inference, plan.cores, source_share, plan.workers, plan.slices,
                                      team.loop(plan.workers, "probe tile", run));
  const auto read = [&](std::int64_t z) {
    const auto slice = run.call("reader", {z}, [&] { return stack.read(z); });
    return run.call("normalizer", {z}, [&] { return normalizer({0, slice}); });
  };
  std::vector<model::Moments> measured(slices.size());
  for (std::size_t begin = 0; begin < slices.size();) {
    const std::size_t count = std::min(slices.size() - begin, static_cast<std::size_t>(plan.slices));
    std::vector<nodes::PreparedSlice> group;
    for (std::size_t i = 0; i < count; ++i) group.push_back(read(slices[begin + i]));
    team.run([&] {
      team.loop(plan.slices)(static_cast<int>(count), [&](int i) {
        const auto n = static_cast<std::size_t>(i);
        measured[begin + n] =
            run.call("probe", {slices[begin + n]}, [&] { return measure(group[n]).moments; });
        run.advance();
      });
    });
    begin += count;
  }
  return measured;
}

}  // namespace fibflow::pipeline
