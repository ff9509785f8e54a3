#include "model/tile/inference.h"

#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>

#include "model/steps/weights.h"
#include "model/tile/compiled_tile.h"
#include "model/tile/shaped_network.h"

namespace fibflow::model {

struct Inference::State {
  Network network;
  std::shared_ptr<const ShapedNetwork> net;
  int height = 0;
  int width = 0;
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<const CompiledTile>> compiled;  // guarded by mutex
  std::shared_ptr<const Weights> weights;                               // guarded by mutex

  State(Network n, int h, int w) : network(std::move(n)), height(h), width(w) {
    if (h <= 0 || w <= 0) throw std::invalid_argument("a slice needs a positive size");
  }

  template <typename Shape>
  void shape(const Shape& make) {
    try {
      net = std::make_shared<const ShapedNetwork>(make(network.graph()));
    } catch (const ModelError& e) {
      throw ModelError(printable(network.name() + ": " + e.what()));
    }
  }

  void check(const Region& core) const {
    if (core.empty() || core.y.begin < 0 || core.x.begin < 0 || core.y.end > height || core.x.end > width) {
      throw std::invalid_argument("a tile's core lies outside the slice");
    }
  }
};

Inference::Inference(Network network, int height, int width)
    : state_(std::make_shared<State>(std::move(network), height, width)) {
  state_->shape([&](const Graph& graph) { return ShapedNetwork::fit(graph, height, width); });
}

Inference::Inference(Network network, int height, int width, int more_rows, int more_columns)
    : state_(std::make_shared<State>(std::move(network), height, width)) {
  state_->shape([&](const Graph& graph) {
    return ShapedNetwork::extended(graph, height, width, more_rows, more_columns);
  });
}

const Network& Inference::network() const {
  return state_->network;
}
int Inference::height() const {
  return state_->height;
}
int Inference::width() const {
  return state_->width;
}

Extension Inference::extension() const {
  return state_->net->extension();
}

int Inference::alignment() const {
  return state_->net->alignment();
}

std::shared_ptr<const TilePlan> Inference::plan(const Region& core, PlanKind kind) const {
  state_->check(core);
  TileSpec spec = state_->net->plan(core, kind);
  std::shared_ptr<const CompiledTile> tile;
  {
    const std::lock_guard lock(state_->mutex);
    auto& slot = state_->compiled[spec.key];
    if (slot == nullptr) {
      try {
        slot = std::make_shared<const CompiledTile>(state_->net, state_->network, std::move(spec));
      } catch (const ModelError& error) {
        state_->compiled.erase(spec.key);
        throw ModelError(printable(state_->network.name() + ": " + error.what()));
      }
    }
    tile = slot;
  }
  return std::make_shared<TilePlan>(state_->net, std::move(tile), core);
}

Inference::Cost Inference::cost(const Region& core, PlanKind kind) const {
  state_->check(core);
  const TileSpec spec = state_->net->plan(core, kind);
  return {spec.workspace_floats * sizeof(float) + spec.scratch_bytes(), spec.multiply_adds};
}

std::shared_ptr<const Weights> Inference::weights() const {
  const std::lock_guard lock(state_->mutex);
  if (state_->weights == nullptr)
    state_->weights = std::make_shared<const Weights>(state_->net->operations(),
                                                      state_->network.batch_norms(), std::nullopt);
  return state_->weights;
}

std::shared_ptr<const Weights> Inference::freeze(const Statistics& statistics) const {
  return std::make_shared<const Weights>(state_->net->operations(), state_->network.batch_norms(),
                                         statistics);
}

std::size_t Inference::weights_bytes() const {
  return state_->network.parameters() * sizeof(float);
}

}  // namespace fibflow::model
