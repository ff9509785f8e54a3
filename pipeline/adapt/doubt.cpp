#include "pipeline/adapt/doubt.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "pipeline/adapt/match.h"
#include "pipeline/flow/spoken.h"

namespace fibflow::pipeline {
namespace {

using namespace doubt_limits;

/// Means over the slices; of what is not defined everywhere, over those where it is.
struct Means {
  double foreground = 0;
  double expected_iou = 0;  // 0 if there is no foreground to be sure of
};

Means means_of(const Comparison& comparison, PredictionFigures SliceComparison::*network) {
  Means means;
  int known = 0;
  for (const SliceComparison& slice : comparison.slices) {
    const PredictionFigures& figures = slice.*network;
    means.foreground += figures.foreground / static_cast<double>(comparison.slices.size());
    if (!figures.expected_iou) continue;
    means.expected_iou += *figures.expected_iou;
    ++known;
  }
  if (known > 0) means.expected_iou /= known;
  return means;
}

/// Of slices that the model was not trained on the foreground is known to be like this; what is not, no figure of it tells.
bool is_plausible(double foreground, const std::optional<double>& trained) {
  if (trained) return log_distance(foreground, *trained) <= plausible;
  return foreground >= least_foreground && foreground <= plausible_foreground;
}

void add_signs_of_known(std::vector<Sign>& signs, const Means& source, const Means& adapted, double trained) {
  const double farther = log_distance(adapted.foreground, trained) - log_distance(source.foreground, trained);
  if (!(farther > leaves)) return;
  signs.push_back(
      {"foreground leaves", farther, leaves,
       formatted("the adapted model marks %.2f %% of the compared slices as foreground, the model as it is "
                 "%.2f %%, and in its training it was %.2f %%: it probably finds something else now",
                 100 * adapted.foreground, 100 * source.foreground, 100 * trained)});
}

void add_signs_of_unknown(std::vector<Sign>& signs, const Means& source, const Means& adapted) {
  if (source.foreground > plausible_foreground) return;
  if (adapted.foreground > flood) {
    signs.push_back(
        {"foreground floods", adapted.foreground, flood,
         formatted("the adapted model marks %.0f %% of the compared slices as foreground, the model as it "
                   "is %.1f %%: it probably takes background for foreground",
                   100 * adapted.foreground, 100 * source.foreground)});
  }
  if (source.foreground >= least_foreground && adapted.foreground < vanish * source.foreground) {
    signs.push_back(
        {"foreground vanishes", adapted.foreground / source.foreground, vanish,
         formatted("the adapted model marks only %.2f %% of the compared slices as foreground, the model as "
                   "it is %.1f %%: it probably misses what is there",
                   100 * adapted.foreground, 100 * source.foreground)});
  }
}

}  // namespace

const char* name_of(DoubtAction action) {
  switch (action) {
    case DoubtAction::none:
      return "none";
    case DoubtAction::warned:
      return "warned";
    case DoubtAction::source_used:
      return "source used";
    case DoubtAction::stopped:
      return "stopped";
  }
  throw std::logic_error("unknown action");
}

std::vector<Sign> signs_of(const Comparison& comparison, const std::optional<double>& trained_foreground) {
  std::vector<Sign> signs;
  if (comparison.slices.empty()) return signs;
  const Means source = means_of(comparison, &SliceComparison::source);
  const Means adapted = means_of(comparison, &SliceComparison::adapted);
  if (trained_foreground) add_signs_of_known(signs, source, adapted, *trained_foreground);
  if (!trained_foreground) add_signs_of_unknown(signs, source, adapted);
  const double gained = adapted.expected_iou - source.expected_iou;
  if (is_plausible(source.foreground, trained_foreground) && gained < gain) {
    signs.push_back(
        {"no gain", gained, gain,
         formatted("the model seems to be at home on this stack already: it expects an IoU of %.2f for its "
                   "masks of the "
                   "compared slices, and adapted %.2f; where that is so, adaptation mostly costs accuracy",
                   source.expected_iou, adapted.expected_iou)});
  }
  return signs;
}

}  // namespace fibflow::pipeline
