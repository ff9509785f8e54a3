#include "model/tile/tile_plan.h"

#include <optional>
#include <stdexcept>

#include "model/tile/compiled_tile.h"
#include "model/tile/shaped_network.h"

namespace fibflow::model {

TilePlan::TilePlan(std::shared_ptr<const ShapedNetwork> net, std::shared_ptr<const CompiledTile> tile,
                   const Region& core)
    : net_(std::move(net)), tile_(std::move(tile)), core_(core) {
  const Region in = net_->regions(core, kind() == PlanKind::measured).front();
  const Extension& e = net_->extension();
  input_ = {{in.y.begin - e.top, in.y.end - e.top}, {in.x.begin - e.left, in.x.end - e.left}};
}

PlanKind TilePlan::kind() const {
  return tile_->spec().kind;
}
std::size_t TilePlan::workspace_bytes() const {
  return tile_->workspace_bytes();
}
double TilePlan::multiply_adds() const {
  return tile_->spec().multiply_adds;
}
int TilePlan::layers() const {
  return static_cast<int>(tile_->spec().stage_end.size());
}

CountedShare TilePlan::share(int layer, const CountedArea& counted) const {
  return net_->counted_share(net_->input_of_batch_norm(layer), core_, counted);
}

void TilePlan::check(const Workspace& workspace) const {
  if (workspace.size() < tile_->workspace_bytes())
    throw std::logic_error("the workspace was not given the tile's input");
}

std::span<float> TilePlan::input(Workspace& workspace) const {
  workspace.reserve(tile_->workspace_bytes());
  const TileSpec& s = tile_->spec();
  return {workspace.data() + s.storage_offset[static_cast<std::size_t>(s.input.storage)],
          static_cast<std::size_t>(s.input_channels) * static_cast<std::size_t>(s.input_height) *
              static_cast<std::size_t>(s.input_width)};
}

void TilePlan::run(Workspace& workspace, const Weights& weights, const Statistics* statistics,
                   Moments* moments, const CountedArea* counted) const {
  check(workspace);
  std::vector<CountedShare> shares;
  if (counted != nullptr && moments != nullptr) {
    for (int layer = 0; layer < layers(); ++layer) shares.push_back(share(layer, *counted));
  }
  tile_->run(workspace.data(), weights, statistics, moments, shares.empty() ? nullptr : &shares);
}

void TilePlan::run_stage(int stage, Workspace& workspace, const Weights& weights, const LayerStatistics* used,
                         LayerMoments* measured, const CountedArea* counted) const {
  check(workspace);
  std::optional<CountedShare> part;
  if (counted != nullptr && stage < layers()) part = share(stage, *counted);
  tile_->run_stage(stage, workspace.data(), weights, used, measured, part ? &*part : nullptr);
}

std::vector<long long> TilePlan::counted_pixels(const CountedArea& counted) const {
  std::vector<long long> pixels;
  for (int layer = 0; layer < layers(); ++layer) pixels.push_back(share(layer, counted).pixels);
  return pixels;
}

void TilePlan::read_output(const Workspace& workspace, std::span<float> output) const {
  check(workspace);
  tile_->read_output(workspace.data(), output);
}

}  // namespace fibflow::model
