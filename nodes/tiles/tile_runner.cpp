#include "nodes/tiles/tile_runner.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "nodes/tiles/tile_cutter.h"

namespace fibflow::nodes {
namespace {

/// The same pixels in the mirror image of a slice.
model::Region mirrored(const model::Region& region, const io::Slice& slice, Mirror mirror) {
  const auto turned = [](const model::Interval& part, int size) {
    return model::Interval{size - part.end, size - part.begin};
  };
  return {mirror.rows ? turned(region.y, slice.height()) : region.y,
          mirror.columns ? turned(region.x, slice.width()) : region.x};
}

/// Planes of a height and width, one after the other.
void turn(std::span<float> planes, int height, int width, Mirror mirror) {
  const auto plane = static_cast<std::ptrdiff_t>(height) * width;
  if (mirror.columns) {
    for (auto row = planes.begin(); row != planes.end(); row += width) std::reverse(row, row + width);
  }
  if (!mirror.rows) return;
  for (auto first = planes.begin(); first != planes.end(); first += plane) {
    for (int y = 0; y < height / 2; ++y) {
      const auto row = first + static_cast<std::ptrdiff_t>(y) * width;
      std::swap_ranges(row, row + width, first + static_cast<std::ptrdiff_t>(height - 1 - y) * width);
    }
  }
}

}  // namespace

TileRunner::TileRunner(model::Inference inference) : inference_(std::move(inference)) {}

std::shared_ptr<const model::TilePlan> TileRunner::run(const PreparedSlice& image, const model::Region& core,
                                                       const Snapshot& snapshot, Worker& worker,
                                                       Mirror mirror, model::Moments* moments) const {
  auto plan = inference_.plan(mirrored(core, image.slice, mirror), snapshot.kind);
  const model::Region needed = plan->input_region();
  const std::span<float> input = plan->input(worker.workspace);
  cut_tile(image.slice, image.affine, mirrored(needed, image.slice, mirror),
           inference_.network().input_channels(), input);
  turn(input, needed.height(), needed.width(), mirror);
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
                                           const Snapshot& snapshot, Worker& worker, Mirror mirror) const {
  const auto plan = run(image, core, snapshot, worker, mirror, nullptr);
  const std::span<float> output = read_output(*plan, worker);
  turn(output, core.height(), core.width(), mirror);
  return output;
}

model::Moments TileRunner::measure(const PreparedSlice& image, const model::Region& core,
                                   const Snapshot& snapshot, Worker& worker) const {
  if (snapshot.kind != model::PlanKind::measured)
    throw std::invalid_argument("nothing is measured with frozen statistics");
  model::Moments moments;
  run(image, core, snapshot, worker, {}, &moments);
  return moments;
}

}  // namespace fibflow::nodes
