#include "pipeline/session_setup.h"

namespace fibflow::pipeline {

bool starts_frozen(const ResolvedOptions& options) {
  return options.recipe != Recipe::stream || options.freeze == Freeze::probe;
}

bool has_own_statistics(const ResolvedOptions& options) {
  return options.recipe == Recipe::stream && options.normalize_by == NormalizeBy::batch;
}

PlanRequest plan_request(const ResolvedOptions& options, io::PixelType type, std::size_t probability_bytes) {
  PlanRequest request;
  request.memory = options.memory;
  request.threads = options.threads;
  request.tile = options.tile;
  request.lag = options.lag;
  request.measures = !starts_frozen(options);
  request.freezes =
      starts_frozen(options) || options.freeze == Freeze::settled || options.on_doubt == OnDoubt::source;
  request.own_statistics = has_own_statistics(options);
  request.probes = options.probe > 0;
  request.reopens = options.freeze == Freeze::settled && options.monitor.every > 0;
  request.voxel_bytes = io::bytes_per_voxel(type);
  request.probability_bytes = probability_bytes;
  return request;
}

SessionSetting session_setting(const ResolvedOptions& options, nodes::PredictionFormat format) {
  const auto settle = options.freeze == Freeze::settled ? std::optional(options.settle) : std::nullopt;
  return {{options.source_share, options.lag, starts_frozen(options), settle, options.monitor},
          format,
          has_own_statistics(options)};
}

SessionSetting source_setting(const ResolvedOptions& options, nodes::PredictionFormat format) {
  return {{1, options.lag, true, std::nullopt}, format, false};
}

}  // namespace fibflow::pipeline
