#include "pipeline/adapt/session_setup.h"

#include <algorithm>
#include <utility>

namespace fibflow::pipeline {

bool is_frozen(const ResolvedOptions& options) {
  return options.recipe != Recipe::stream || options.freeze == Freeze::probe;
}

nodes::Finishing finishing(const ResolvedOptions& options, const model::Inference& inference,
                           const io::StackInfo& stack) {
  return {options.smoothing, {inference.height(), inference.width()}, {stack.height, stack.width}};
}

PlanRequest plan_request(const ResolvedOptions& options, const model::Inference& inference,
                         const io::StackInfo& stack, const nodes::PredictionFormat& format,
                         std::optional<TileSize> tiles) {
  const nodes::Finishing between = finishing(options, inference, stack);
  const int channels = inference.network().output_channels();
  const auto pixels = static_cast<std::size_t>(stack.height) * static_cast<std::size_t>(stack.width);
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
  request.layer_bytes = nodes::bytes_per_voxel(nodes::format_of_network(format, channels, between).layers);
  request.reach = between.reach();
  request.copies = options.copies;
  if (between.network != between.stack || !options.trained_gray_levels.empty())
    request.unscaled_bytes = stack.slice_bytes();
  if (!between.is_nothing()) {
    // Of three and more classes, the strongest one and its probability are kept in between.
    const std::size_t classes = channels > 2 ? sizeof(float) + 1 : 0;
    request.finished_bytes = pixels * (nodes::bytes_per_voxel(format.layers) + classes);
  }
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

SessionSetting session_setting(const ResolvedOptions& options, const SourceShares& shares,
                               nodes::PredictionFormat format, nodes::Finishing finishing) {
  return {{shares.used, options.lag, options.renewal, options.monitor},
          shares.measuring,
          !is_frozen(options),
          std::move(format),
          finishing,
          options.copies};
}

SessionSetting source_setting(const ResolvedOptions& options, nodes::PredictionFormat format,
                              nodes::Finishing finishing) {
  return {{1, options.lag, options.renewal, options.monitor},
          1,
          false,
          std::move(format),
          finishing,
          options.copies};
}

}  // namespace fibflow::pipeline
