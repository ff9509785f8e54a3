#pragma once

#include <optional>
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
/// away. Shares and expected IoU (see PredictionFigures) are means over the compared slices; f_s and f_a the foreground of the
/// source and adapted, f_t that of the training labels.
///
///     foreground leaves    |log(f_a / f_t)| is larger than |log(f_s / f_t)| by more than this (value): the adapted foreground
///                          is less like what the model was trained on. Only where the model knows f_t.
///     no gain              The source's foreground is plausible (within a factor of f_t, or in a range where that is not
///                          known), and the expected IoU of the adapted network is not above that of the source by at least
///                          this (value): the source was at home already. A network that floods a slice is sure of it, so its
///                          expectation says nothing.
///     foreground floods    Where f_t is not known: f_a is more than this (value), where f_s was less than
///                          plausible_foreground.
///     foreground vanishes  Where f_t is not known: f_a is less than this share of f_s (value), where f_s was between
///                          least_foreground and plausible_foreground.
///
/// The limits come from the cases of tests/benchmarks/doubt_evidence.cpp, which prints how often they are right.
/// What did not tell good from bad there is no sign here: how far the statistics moved, whether they still move, how
/// little the masks agree, entropy, and whether a mirrored slice gives the mirrored mask.
namespace doubt_limits {
constexpr double leaves = 0.3;
constexpr double gain = 0.04;
constexpr double plausible = 1;  ///< |log(f_s / f_t)|: a factor of 2.7
constexpr double plausible_foreground = 0.35;
constexpr double flood = 0.3;
constexpr double vanish = 0.1;
constexpr double least_foreground = 0.002;
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

/// trained_foreground: share of the training labels; nothing if the model does not know it.
std::vector<Sign> signs_of(const Comparison& comparison, const std::optional<double>& trained_foreground);

}  // namespace fibflow::pipeline
