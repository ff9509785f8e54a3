#include "model/tile/compiled_tile.h"

#include <stdexcept>

namespace fibflow::model {

CompiledTile::CompiledTile(std::shared_ptr<const ShapedNetwork> net, Network network, TileSpec spec)
    : net_(std::move(net)),
      network_(std::move(network)),
      spec_(std::move(spec)),
      scratch_bytes_(spec_.scratch_bytes()) {
  for (const auto& step : spec_.steps) step->compile();
}

StepContext CompiledTile::context(float* workspace, const Weights& weights) const {
  StepContext context;
  context.workspace = workspace;
  context.storage_offset = spec_.storage_offset;
  context.scratch = workspace + spec_.workspace_floats;
  context.weights = &weights;
  context.kind = spec_.kind;
  context.batch_norms = network_.batch_norms();
  return context;
}

void CompiledTile::run(float* workspace, const Weights& weights, const Statistics* statistics,
                       Moments* moments, const std::vector<CountedShare>* counted) const {
  const bool frozen = spec_.kind == PlanKind::frozen;
  if (weights.frozen() != frozen) throw std::invalid_argument("weights of another kind of plan");
  if (frozen ? statistics != nullptr || moments != nullptr : statistics == nullptr)
    throw std::invalid_argument("statistics belong to measured plans");
  if (moments != nullptr) moments->layers.assign(network_.batch_norms().size(), {});
  StepContext all = context(workspace, weights);
  all.statistics = statistics;
  all.moments = moments;
  all.counted_layers = counted;
  for (const auto& step : spec_.steps) step->run(all);
}

void CompiledTile::run_stage(int stage, float* workspace, const Weights& weights, const LayerStatistics* used,
                             LayerMoments* measured, const CountedShare* counted) const {
  const auto layers = static_cast<int>(spec_.stage_end.size());
  if (spec_.kind == PlanKind::frozen || weights.frozen())
    throw std::invalid_argument("a frozen plan has no stages");
  if (stage < 0 || stage > layers || (stage > 0) != (used != nullptr) ||
      (stage < layers) != (measured != nullptr)) {
    throw std::invalid_argument("a stage was run with the wrong statistics");
  }
  StepContext one = context(workspace, weights);
  std::size_t i = 0;
  if (stage > 0) {
    i = static_cast<std::size_t>(spec_.stage_end[static_cast<std::size_t>(stage) - 1]);
    one.used = used;
    one.half = StepContext::Half::apply;
    spec_.steps[i++]->run(one);
  }
  const std::size_t end = stage < layers
                              ? static_cast<std::size_t>(spec_.stage_end[static_cast<std::size_t>(stage)])
                              : spec_.steps.size();
  for (; i < end; ++i) spec_.steps[i]->run(one);
  if (stage < layers) {
    one.measured = measured;
    one.counted_layer = counted;
    one.half = StepContext::Half::measure;
    spec_.steps[end]->run(one);
  }
}

void CompiledTile::read_output(const float* workspace, std::span<float> output) const {
  const auto pixels =
      static_cast<std::size_t>(spec_.output_height) * static_cast<std::size_t>(spec_.output_width);
  if (output.size() != pixels * static_cast<std::size_t>(spec_.output_channels))
    throw std::invalid_argument("the output has another size");
  const StoredMap& from = spec_.output;
  float* base = const_cast<float*>(workspace) + spec_.storage_offset[static_cast<std::size_t>(from.storage)] +
                from.offset;
  const MapView to{output.data(), spec_.output_width, static_cast<std::ptrdiff_t>(pixels)};
  copy_channels({base, from.row, from.plane}, spec_.output_block, 0, to, 1, 0, spec_.output_channels,
                spec_.output_height, spec_.output_width);
}

}  // namespace fibflow::model
