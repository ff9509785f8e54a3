#include "pipeline/report/run_summary.h"

#include "pipeline/flow/spoken.h"

#include <algorithm>
#include <cstdio>

namespace fibflow::pipeline {
namespace {

using Figure = double SliceRecord::*;

/// Mean and range of a figure over the slices.
struct Spread {
  double mean = 0;
  double least = 0;
  double most = 0;

  Spread(const std::vector<SliceRecord>& slices, Figure figure) {
    const auto by = [figure](const SliceRecord& a, const SliceRecord& b) { return a.*figure < b.*figure; };
    for (const SliceRecord& slice : slices) mean += slice.*figure / static_cast<double>(slices.size());
    least = *std::min_element(slices.begin(), slices.end(), by).*figure;
    most = *std::max_element(slices.begin(), slices.end(), by).*figure;
  }
};

std::string states_line(const std::vector<SliceRecord>& slices) {
  std::string line;
  for (const StateCost& cost : state_costs(slices)) {
    if (cost.slices == 0) continue;
    line +=
        formatted("%s%lld %s (%.3g s of work each)", line.empty() ? "slices: " : ", ",
                  static_cast<long long>(cost.slices), nodes::name_of(cost.state), cost.mean_work_seconds);
  }
  return line;
}

}  // namespace

std::array<StateCost, 3> state_costs(const std::vector<SliceRecord>& slices) {
  std::array<StateCost, 3> costs{StateCost{nodes::SliceState::adapting, 0, 0},
                                 StateCost{nodes::SliceState::monitored, 0, 0},
                                 StateCost{nodes::SliceState::frozen, 0, 0}};
  for (const SliceRecord& slice : slices) {
    StateCost& cost = costs[static_cast<std::size_t>(slice.state)];
    ++cost.slices;
    cost.mean_work_seconds += slice.work_seconds;
  }
  for (StateCost& cost : costs) {
    if (cost.slices > 0) cost.mean_work_seconds /= static_cast<double>(cost.slices);
  }
  return costs;
}

std::optional<RunEvent> event_of(const nodes::Update& update, std::int64_t z, int lag) {
  if (!update.turn) return std::nullopt;
  const nodes::Turn& turn = *update.turn;
  const auto slice = static_cast<long long>(z);
  if (turn.kind == nodes::Turn::Kind::frozen) {
    return RunEvent{
        z, "frozen",
        formatted("the statistics have settled after slice %lld and are frozen from slice %lld on; slices "
                  "are at a distance of %.3g per channel from them as a rule",
                  slice, slice + lag, turn.usual)};
  }
  return RunEvent{
      z, "reopened",
      formatted("the acquisition has changed: slice %lld is at a distance of %.3g per channel from the "
                "running statistics (usual: %.3g, limit: %.3g); adapting anew from slice %lld on",
                slice, turn.drift, turn.usual, turn.limit, slice + lag)};
}

std::vector<std::string> summary_of(const RunReport& report) {
  const std::vector<SliceRecord>& slices = report.slices;
  if (slices.empty()) return {};
  const Spread foreground(slices, &SliceRecord::foreground);
  const Spread entropy(slices, &SliceRecord::entropy);
  std::vector<std::string> lines{
      formatted("foreground: %.2f %% of the pixels (slices: %.2f to %.2f %%)", 100 * foreground.mean,
                100 * foreground.least, 100 * foreground.most),
      formatted("entropy of the prediction: %.3f bits per pixel (slices: %.3f to %.3f)", entropy.mean,
                entropy.least, entropy.most)};
  if (report.options.recipe != Recipe::none) {
    std::string line =
        formatted("drift per channel: %.3g from the source at the end", slices.back().drift_from_source);
    const auto farthest = std::max_element(slices.begin(), slices.end(), [](const auto& a, const auto& b) {
      return a.slice_drift.value_or(-1) < b.slice_drift.value_or(-1);
    });
    if (farthest->slice_drift) {
      line += formatted(", at most %.3g of a slice from the running statistics (slice %lld)",
                        *farthest->slice_drift, static_cast<long long>(farthest->z));
    }
    lines.push_back(line);
  }
  lines.push_back(states_line(slices));
  return lines;
}

}  // namespace fibflow::pipeline
