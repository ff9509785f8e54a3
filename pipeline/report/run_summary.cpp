#include "pipeline/report/run_summary.h"

#include "pipeline/flow/spoken.h"

#include <cstdio>

namespace fibflow::pipeline {
namespace {

std::string costs_line(const SliceSums& sums) {
  std::string line;
  for (const SliceSums::Cost& cost : sums.costs()) {
    if (cost.slices == 0) continue;
    line += formatted("%s%lld %s (%.3g s of work each)", line.empty() ? "slices: " : ", ",
                      static_cast<long long>(cost.slices), cost.work, cost.mean_seconds());
  }
  return line;
}

}  // namespace

std::optional<RunEvent> event_of(const nodes::Update& update, std::int64_t z, int lag) {
  if (!update.turn) return std::nullopt;
  const nodes::Departure& turn = *update.turn;
  const auto slice = static_cast<long long>(z);
  return RunEvent{
      z, event_names::begun_anew,
      formatted(
          "the acquisition has changed: slice %lld is at a distance of %.3g per channel from the "
          "estimate in BatchNorm layer %zu (usual: %.3g, limit: %.3g); the estimate begins anew, in use "
          "from slice %lld on",
          slice, turn.drift, turn.layer + 1, turn.usual, turn.limit, slice + lag)};
}

std::vector<std::string> summary_of(const RunReport& report) {
  const SliceSums& sums = report.sums;
  if (sums.count() == 0) return {};
  const SliceSums::Spread foreground = sums.foreground();
  const SliceSums::Spread entropy = sums.entropy();
  std::vector<std::string> lines{
      formatted("foreground: %.2f %% of the pixels (slices: %.2f to %.2f %%)", 100 * foreground.mean,
                100 * foreground.least, 100 * foreground.most),
      formatted("entropy of the prediction: %.3f bits per pixel (slices: %.3f to %.3f)", entropy.mean,
                entropy.least, entropy.most)};
  if (const auto expected = sums.expected_iou()) {
    lines.push_back(formatted("expected IoU, by the network itself: %.3f (slices: %.3f to %.3f)",
                              expected->mean, expected->least, expected->most));
  }
  if (report.options.recipe != Recipe::none) {
    std::string line =
        formatted("drift per channel: %.3g from the source at the end", sums.last_drift_from_source());
    if (const auto& farthest = sums.farthest()) {
      line += formatted(", at most %.3g of a slice from the running statistics (slice %lld)",
                        farthest->slice_drift, static_cast<long long>(farthest->z));
    }
    lines.push_back(line);
  }
  lines.push_back(costs_line(sums));
  return lines;
}

}  // namespace fibflow::pipeline
