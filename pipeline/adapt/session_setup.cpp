#include "pipeline/adapt/session_setup.h"

#include <algorithm>
#include <utility>

namespace fibflow::pipeline {

bool is_frozen(const ResolvedOptions& options) {
  return options.recipe != Recipe::stream || options.freeze == Freeze::probe;
}

PlanRequest plan_request(const ResolvedOptions& options, const io::StackInfo& stack, std::size_t layer_bytes,
                         std::optional<TileSize> tiles) {
  PlanRequest request;
  request.memory = options.memory;
  request.threads = options.threads;
  request.tile = options.tile;
  request.tiles = tiles;
  request.lag = options.lag;
  request.probes = options.probe > 0;
  request.measures = !is_frozen(options);
  request.every = options.measure_every;
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
  // The probe has left weights behind that are not folded.
  const int weight_copies = options.probe > 0 ? 2 : 1;
  const std::size_t kept = kept_by_comparison(inference, slices, previews);
  const auto planned = [&](std::size_t memory) {
    return plan_comparison(inference, memory - std::min(kept, memory), options.threads,
                           io::bytes_per_voxel(type), weight_copies);
  };
  auto plan = expected ? planned(*expected) : std::nullopt;
  return plan ? std::move(plan) : planned(options.memory);
}

SessionSetting session_setting(const ResolvedOptions& options, nodes::PredictionFormat format) {
  return {{options.source_share, options.lag, options.renewal, options.monitor},
          !is_frozen(options),
          std::move(format)};
}

SessionSetting source_setting(const ResolvedOptions& options, nodes::PredictionFormat format) {
  return {{1, options.lag, options.renewal, options.monitor}, false, std::move(format)};
}

}  // namespace fibflow::pipeline
