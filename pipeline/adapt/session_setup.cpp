#include "pipeline/adapt/session_setup.h"

#include <algorithm>
#include <utility>

namespace fibflow::pipeline {

bool starts_frozen(const ResolvedOptions& options) {
  return options.recipe != Recipe::stream || options.freeze == Freeze::probe;
}

bool has_own_statistics(const ResolvedOptions& options) {
  return options.recipe == Recipe::stream && options.normalize_by == NormalizeBy::batch;
}

PlanRequest plan_request(const ResolvedOptions& options, const io::StackInfo& stack, std::size_t layer_bytes,
                         std::optional<TileSize> tiles) {
  PlanRequest request;
  request.memory = options.memory;
  request.threads = options.threads;
  request.tile = options.tile;
  request.tiles = tiles;
  request.lag = options.lag;
  request.measures = !starts_frozen(options);
  request.freezes =
      starts_frozen(options) || options.freeze == Freeze::settled || options.on_doubt == OnDoubt::source;
  request.own_statistics = has_own_statistics(options);
  request.probes = options.probe > 0;
  request.reopens = options.freeze == Freeze::settled && options.monitor.every > 0;
  request.voxel_bytes = io::bytes_per_voxel(stack.type);
  request.decoding_bytes = stack.decoding_bytes;
  request.index_bytes = stack.index_bytes;
  request.layer_bytes = layer_bytes;
  return request;
}

std::optional<ComparisonPlan> comparison_plan(const ResolvedOptions& options,
                                              const model::Inference& inference, io::PixelType type,
                                              int slices, bool previews,
                                              std::optional<std::size_t> expected) {
  const bool frozen = starts_frozen(options);
  // The probe has left weights behind that are not folded.
  const int weight_copies = frozen && options.probe > 0 ? 2 : 1;
  const std::size_t kept = kept_by_comparison(inference, slices, previews);
  const auto planned = [&](std::size_t memory) {
    return plan_comparison(inference, frozen ? model::PlanKind::frozen : model::PlanKind::measured,
                           memory - std::min(kept, memory), options.threads, io::bytes_per_voxel(type),
                           weight_copies);
  };
  auto plan = expected ? planned(*expected) : std::nullopt;
  return plan ? std::move(plan) : planned(options.memory);
}

SessionSetting session_setting(const ResolvedOptions& options, nodes::PredictionFormat format) {
  const auto settle = options.freeze == Freeze::settled ? std::optional(options.settle) : std::nullopt;
  return {{options.source_share, options.lag, starts_frozen(options), settle, options.monitor},
          std::move(format),
          has_own_statistics(options)};
}

SessionSetting source_setting(const ResolvedOptions& options, nodes::PredictionFormat format) {
  return {{1, options.lag, true, std::nullopt}, std::move(format), false};
}

}  // namespace fibflow::pipeline
