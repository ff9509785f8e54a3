#pragma once

#include <cstddef>
#include <optional>

#include "io/stack.h"
#include "model/tile/inference.h"
#include "nodes/finish/finisher.h"
#include "pipeline/adapt/comparison.h"
#include "pipeline/adapt/match_search.h"
#include "pipeline/adapt/plan.h"
#include "pipeline/adapt/segment_session.h"
#include "pipeline/options/resolved_options.h"

namespace fibflow::pipeline {

/// What a run's options mean for its plan and its session; the same for a stack and for a live acquisition, as both
/// must give the same slices.

/// Nothing is measured while slices are segmented.
bool is_frozen(const ResolvedOptions& options);

/// What lies between the network, which sees such slices, and what is written, on the stack's grid.
nodes::Finishing finishing(const ResolvedOptions& options, const model::Inference& inference,
                           const io::StackInfo& stack);

/// format: of what is written. tiles: if they are decided already.
PlanRequest plan_request(const ResolvedOptions& options, const model::Inference& inference,
                         const io::StackInfo& stack, const nodes::PredictionFormat& format,
                         std::optional<TileSize> tiles);

/// For a comparison of so many slices with the source. It stays within what the run is expected to take anyway, if
/// that is known (`expected`, bytes) and enough, else within the budget. Nothing if that is too small.
std::optional<ComparisonPlan> comparison_plan(const ResolvedOptions& options,
                                              const model::Inference& inference, io::PixelType type,
                                              int slices, bool previews, std::optional<std::size_t> expected);

/// shares: of the source; as they were chosen.
SessionSetting session_setting(const ResolvedOptions& options, const SourceShares& shares,
                               nodes::PredictionFormat format, nodes::Finishing finishing);

/// For a session that uses the source's statistics after all, and measures nothing.
SessionSetting source_setting(const ResolvedOptions& options, nodes::PredictionFormat format,
                              nodes::Finishing finishing);

}  // namespace fibflow::pipeline
