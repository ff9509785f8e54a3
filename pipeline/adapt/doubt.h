#pragma once

#include <string>
#include <vector>

#include "pipeline/adapt/comparison.h"
#include "pipeline/options/options.h"

namespace fibflow::pipeline {

/// One thing that speaks against an adaptation.
struct Sign {
  std::string sign;  ///< its name, as below
  double value = 0;
  double limit = 0;
  std::string text;  ///< a sentence for whoever looks at the masks
};

/// Without labels nobody can know whether an adaptation helps. These signs are what the predictions themselves give
/// away. Shares and steadiness (see PredictionFigures) are means over the compared slices.
///
///     no gain              The source was at home already: its steadiness is at least at_home, its foreground at most
///                          plausible_foreground, and the adapted network is not steadier by gain (value).
///     foreground floods    The adapted foreground is more than flood (value), where the source had less than
///                          plausible_foreground.
///     foreground vanishes  The adapted foreground is less than this share of the source's (value), where the source's
///                          was between least_foreground and plausible_foreground.
///     left the source      As written in the end, slices agree less with the source's masks than right after the
///                          probe, by more than this (value), though the source was at home. Only seen at the end.
///
/// The limits come from the cases of tests/benchmarks/doubt_evidence.cpp, which prints how often they are right.
/// What did not tell good from bad there is no sign here: how far the statistics moved, whether they still move, how
/// little the masks agree, and entropy, which rose where adaptation hurt and where it helped. No case had its foreground
/// vanish; that sign is there by reason alone.
namespace doubt_limits {
constexpr double at_home = 0.65;
constexpr double plausible_foreground = 0.35;
constexpr double gain = 0.05;
constexpr double flood = 0.3;
constexpr double vanish = 0.1;
constexpr double least_foreground = 0.002;
constexpr double left = 0.2;
}  // namespace doubt_limits

enum class DoubtAction { none, warned, source_used, stopped };

/// "none", "warned", "source used", "stopped".
const char* name_of(DoubtAction action);

struct Doubt {
  bool doubtful() const { return !signs.empty(); }
  std::vector<Sign> signs;
  OnDoubt on_doubt = OnDoubt::keep;
  DoubtAction action = DoubtAction::none;
};

/// The signs that show before anything is written.
std::vector<Sign> signs_before(const Comparison& comparison);

/// The signs that show in what was written.
std::vector<Sign> signs_after(const Comparison& comparison);

}  // namespace fibflow::pipeline
