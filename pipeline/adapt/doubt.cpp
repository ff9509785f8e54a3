#include "pipeline/adapt/doubt.h"

#include "pipeline/flow/spoken.h"

#include <cmath>
#include <cstdio>
#include <stdexcept>

namespace fibflow::pipeline {
namespace {

using namespace doubt_limits;

/// Means over the slices; of what is not defined everywhere, over those where it is.
struct Means {
  double source_foreground = 0;
  double adapted_foreground = 0;
  double source_steadiness = 0;  // 0 if there is no foreground to be steady about
  double adapted_steadiness = 0;
};

template <typename Value>
double mean_of(const Comparison& comparison, const Value& value) {
  double sum = 0;
  int count = 0;
  for (const SliceComparison& slice : comparison.slices) {
    const std::optional<double> known = value(slice);
    if (!known) continue;
    sum += *known;
    ++count;
  }
  return count > 0 ? sum / count : 0;
}

Means means_of(const Comparison& comparison) {
  using Slice = const SliceComparison&;
  return {mean_of(comparison, [](Slice s) { return std::optional(s.source.foreground); }),
          mean_of(comparison, [](Slice s) { return std::optional(s.adapted.foreground); }),
          mean_of(comparison, [](Slice s) { return s.source.steadiness; }),
          mean_of(comparison, [](Slice s) { return s.adapted.steadiness; })};
}

bool at_home_in(const Means& means) {
  return means.source_steadiness >= at_home && means.source_foreground <= plausible_foreground;
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

std::vector<Sign> signs_before(const Comparison& comparison) {
  std::vector<Sign> signs;
  if (comparison.slices.empty()) return signs;
  const Means means = means_of(comparison);
  const double gained = means.adapted_steadiness - means.source_steadiness;
  if (at_home_in(means) && gained < gain) {
    signs.push_back(
        {"no gain", gained, gain,
         formatted(
             "the model seems to be at home on this stack already: it finds %.0f %% of the same foreground "
             "in "
             "a mirrored slice, and %.0f %% once adapted; where that is so, adaptation mostly costs accuracy",
             100 * means.source_steadiness, 100 * means.adapted_steadiness)});
  }
  const bool plausible = means.source_foreground <= plausible_foreground;
  if (plausible && means.adapted_foreground > flood) {
    signs.push_back(
        {"foreground floods", means.adapted_foreground, flood,
         formatted("the adapted model marks %.0f %% of the compared slices as foreground, the model as it "
                   "is %.1f %%: it probably takes background for foreground",
                   100 * means.adapted_foreground, 100 * means.source_foreground)});
  }
  if (plausible && means.source_foreground >= least_foreground &&
      means.adapted_foreground < vanish * means.source_foreground) {
    signs.push_back(
        {"foreground vanishes", means.adapted_foreground / means.source_foreground, vanish,
         formatted("the adapted model marks only %.2f %% of the compared slices as foreground, the model as "
                   "it is %.1f %%: it probably misses what is there",
                   100 * means.adapted_foreground, 100 * means.source_foreground)});
  }
  return signs;
}

std::vector<Sign> signs_after(const Comparison& comparison) {
  std::vector<Sign> signs;
  using Slice = const SliceComparison&;
  bool written = false;
  for (Slice slice : comparison.slices) written = written || slice.written_agreement.has_value();
  if (!written || !at_home_in(means_of(comparison))) return signs;
  const double lost = mean_of(comparison, [](Slice s) -> std::optional<double> {
    if (!s.written_agreement || !s.agreement) return std::nullopt;
    return *s.agreement - *s.written_agreement;
  });
  if (lost > left) {
    signs.push_back(
        {"left the source", lost, left,
         formatted("while it went through the stack, the adapted model moved away from what the model as it "
                   "is finds: their masks agree less by %.0f points of 100 than at the start",
                   100 * lost)});
  }
  return signs;
}

}  // namespace fibflow::pipeline
