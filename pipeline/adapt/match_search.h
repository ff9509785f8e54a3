#pragma once

#include <cstdint>
#include <vector>

#include "io/stack.h"
#include "model/tile/network.h"
#include "nodes/intensity/normalizer.h"
#include "pipeline/adapt/match.h"
#include "pipeline/flow/run_context.h"
#include "pipeline/flow/thread_team.h"
#include "pipeline/options/resolved_options.h"

namespace fibflow::pipeline {

/// The limits of the choice; docs/evidence.md says what they come from.
namespace match_limits {
constexpr double step = 0.70710678118654752;  ///< between neighbouring scales: half the pixels
constexpr int most_steps = 4;                 ///< away from where the search begins
constexpr double gain = 0.015;                ///< of expected IoU, that another scale is worth
constexpr double gain_over_stated = 0.03;     ///< the same, where the ratio of voxel sizes is known
constexpr double gain_of_shares = 0.005;      ///< that another place of the share is worth
constexpr double farther = 0.15;  ///< |log| by which foreground and size may leave those of the training
constexpr double implausible =
    1.4;  ///< |log| of the foreground of the model as it is over that of the training: 4 times
constexpr double least_plausible =
    0.008;  ///< where that of the training is not known: shares of foreground that are
constexpr double most_plausible = 0.5;      ///< still likely for organelles
constexpr double least_foreground = 0.002;  ///< below, nothing can be told
constexpr int window = 512;         ///< pixels, at most, of a window's height and width at the stated scale
constexpr int large_window = 1024;  ///< the same where slices are scaled down
constexpr std::int64_t least_pixels = std::int64_t{1} << 16;  ///< of all windows: fewer tell nothing
}  // namespace match_limits

/// Whether looking at slices could choose another one: something is adapted on the way, and not all was said.
bool is_searched(const ResolvedOptions& options, const Match& stated);

/// Chooses by expected IoU among scales, step by step from the stated one on while it rises, and then where the source's share
/// enters. Windows of the slices, about a megapixel in all as the network sees them, are measured and segmented for each
/// candidate. Share of the foreground and size of objects may not leave those of the training labels, where the model knows
/// them, and for a small gain the scales on both sides must agree.
/// Depends on the slices, the model and the options only, never on threads or memory. Throws as a run does.
Match search_match(io::Stack& stack, const std::vector<std::int64_t>& slices, Match stated,
                   const model::Network& network, const ResolvedOptions& options,
                   const nodes::Normalizer& normalizer, ThreadTeam& team, RunContext& run);

}  // namespace fibflow::pipeline
