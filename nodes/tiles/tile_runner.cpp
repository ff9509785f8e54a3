#include "nodes/tiles/tile_runner.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "nodes/tiles/tile_cutter.h"

namespace fibflow::nodes {
namespace {

/// The same pixels in the mirror image (left to right) of a slice of this width.
model::Region mirrored(const model::Region& region, int width) {
  return {region.y, {width - region.x.end, width - region.x.begin}};
}

void mirror_rows(std::span<float> pixels, int width) {
  for (auto row = pixels.begin(); row != pixels.end(); row += width) std::reverse(row, row + width);
}

}  // namespace

TileRunner::TileRunner(model::Inference inference) : inference_(std::move(inference)) {}

std::shared_ptr<const model::TilePlan> TileRunner::run(const PreparedSlice& image, const model::Region& core,
                                                       const Snapshot& snapshot, Worker& worker,
                                                       Orientation orientation,
                                                       model::Moments* moments) const {
  const bool turned = orientation == Orientation::mirrored;
  const int width = image.slice.width();
  auto plan = inference_.plan(turned ? mirrored(core, width) : core, snapshot.kind);
  const model::Region needed = plan->input_region();
  const std::span<float> input = plan->input(worker.workspace);
  cut_tile(image.slice, image.affine, turned ? mirrored(needed, width) : needed,
           inference_.network().input_channels(), input);
  if (turned) mirror_rows(input, needed.width());
  if (snapshot.kind == model::PlanKind::frozen) {
    plan->run(worker.workspace, *snapshot.weights, nullptr, nullptr);
  } else {
    plan->run(worker.workspace, *snapshot.weights, snapshot.statistics.get(), moments,
              moments != nullptr && image.counted ? &*image.counted : nullptr);
  }
  return plan;
}

std::span<float> TileRunner::read_output(const model::TilePlan& plan, Worker& worker) const {
  worker.output.resize(static_cast<std::size_t>(plan.core().area()) *
                       static_cast<std::size_t>(inference_.network().output_channels()));
  plan.read_output(worker.workspace, worker.output);
  return worker.output;
}

std::span<const float> TileRunner::predict(const PreparedSlice& image, const model::Region& core,
                                           const Snapshot& snapshot, Worker& worker,
                                           Orientation orientation) const {
  const auto plan = run(image, core, snapshot, worker, orientation, nullptr);
  const std::span<float> output = read_output(*plan, worker);
  if (orientation == Orientation::mirrored) mirror_rows(output, core.width());
  return output;
}

model::Moments TileRunner::measure(const PreparedSlice& image, const model::Region& core,
                                   const Snapshot& snapshot, Worker& worker) const {
  if (snapshot.kind != model::PlanKind::measured)
    throw std::invalid_argument("nothing is measured with frozen statistics");
  model::Moments moments;
  run(image, core, snapshot, worker, Orientation::as_it_is, &moments);
  return moments;
}

}  // namespace fibflow::nodes
