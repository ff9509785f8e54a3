#include "model/tile/inference.h"

#include <sys/mman.h>

#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <utility>

#include "model/tile/shaped_network.h"
#include "model/tile/tile_plan.h"
#include "model/tile/weights.h"

namespace fibflow::model {

Workspace::Workspace() = default;
Workspace::~Workspace() {
  std::free(data_);
}

Workspace::Workspace(Workspace&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Workspace& Workspace::operator=(Workspace&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

void Workspace::reserve(std::size_t bytes) {
  if (bytes <= size_) return;
  // Huge pages spare the convolutions most of their TLB misses; asking is harmless where there are none.
  constexpr std::size_t huge_page = std::size_t{2} << 20;
  const std::size_t alignment = bytes >= huge_page ? huge_page : 64;
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  std::free(data_);
  data_ = nullptr;
  size_ = 0;
  data_ = static_cast<float*>(std::aligned_alloc(alignment, rounded));
  if (data_ == nullptr) throw std::bad_alloc();
  if (alignment == huge_page) madvise(data_, rounded, MADV_HUGEPAGE);
  size_ = rounded;
}

namespace {

/// A compiled tile at its place in the slice.
class PlacedTile : public TilePlan {
 public:
  PlacedTile(std::shared_ptr<const ShapedNetwork> net, std::shared_ptr<const CompiledTile> tile,
             const Region& input, const Region& core)
      : net_(std::move(net)), tile_(std::move(tile)), input_(input), core_(core) {}

  Region input_region() const override { return input_; }
  Region core() const override { return core_; }
  PlanKind kind() const override { return tile_->spec().kind; }
  std::size_t workspace_bytes() const override { return tile_->workspace_bytes(); }
  double multiply_adds() const override { return tile_->spec().multiply_adds; }

  std::span<float> input(Workspace& workspace) const override {
    workspace.reserve(tile_->workspace_bytes());
    const TileSpec& s = tile_->spec();
    return {workspace.data() + s.storage_offset[static_cast<std::size_t>(s.input.storage)],
            static_cast<std::size_t>(s.input_channels) * static_cast<std::size_t>(s.input_height) *
                static_cast<std::size_t>(s.input_width)};
  }

  void run(Workspace& workspace, const Weights& weights, const Statistics* statistics, Moments* moments,
           const CountedArea* counted) const override {
    check(workspace);
    std::vector<CountedShare> shares;
    if (counted != nullptr && moments != nullptr) {
      for (int layer = 0; layer < layers(); ++layer) shares.push_back(share(layer, *counted));
    }
    tile_->run(workspace.data(), weights, statistics, moments, shares.empty() ? nullptr : &shares);
  }

  int stages() const override { return layers() + 1; }

  void run_stage(int stage, Workspace& workspace, const Weights& weights, const LayerStatistics* used,
                 LayerMoments* measured, const CountedArea* counted) const override {
    check(workspace);
    std::optional<CountedShare> part;
    if (counted != nullptr && stage < layers()) part = share(stage, *counted);
    tile_->run_stage(stage, workspace.data(), weights, used, measured, part ? &*part : nullptr);
  }

  std::vector<long long> counted_pixels(const CountedArea& counted) const override {
    std::vector<long long> pixels;
    for (int layer = 0; layer < layers(); ++layer) pixels.push_back(share(layer, counted).pixels);
    return pixels;
  }

  void read_output(const Workspace& workspace, std::span<float> output) const override {
    check(workspace);
    tile_->read_output(workspace.data(), output);
  }

 private:
  void check(const Workspace& workspace) const {
    if (workspace.size() < tile_->workspace_bytes())
      throw std::logic_error("the workspace was not given the tile's input");
  }

  int layers() const { return static_cast<int>(tile_->spec().stage_end.size()); }
  CountedShare share(int layer, const CountedArea& counted) const {
    return net_->counted_share(net_->input_of_batch_norm(layer), core_, counted);
  }

  std::shared_ptr<const ShapedNetwork> net_;
  std::shared_ptr<const CompiledTile> tile_;
  Region input_;
  Region core_;
};

}  // namespace

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
  state_->shape([&](const Network::Graph& graph) { return ShapedNetwork::fit(graph, height, width); });
}

Inference::Inference(Network network, int height, int width, int more_rows, int more_columns)
    : state_(std::make_shared<State>(std::move(network), height, width)) {
  state_->shape([&](const Network::Graph& graph) {
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

Inference::Extension Inference::extension() const {
  const auto& e = state_->net->extension();
  return {e.top, e.bottom, e.left, e.right};
}

int Inference::alignment() const {
  return state_->net->alignment();
}

std::shared_ptr<const TilePlan> Inference::plan(const Region& core, PlanKind kind) const {
  state_->check(core);
  TileSpec spec = describe(*state_->net, core, kind);
  const Region in = state_->net->regions(core, kind == PlanKind::measured).front();
  const auto& e = state_->net->extension();
  const Region input{{in.y.begin - e.top, in.y.end - e.top}, {in.x.begin - e.left, in.x.end - e.left}};
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
  return std::make_shared<PlacedTile>(state_->net, std::move(tile), input, core);
}

Inference::Cost Inference::cost(const Region& core, PlanKind kind) const {
  state_->check(core);
  const TileSpec spec = describe(*state_->net, core, kind);
  return {spec.workspace_floats * sizeof(float), spec.multiply_adds};
}

std::shared_ptr<const Weights> Inference::weights() const {
  const std::lock_guard lock(state_->mutex);
  if (state_->weights == nullptr)
    state_->weights = std::make_shared<const Weights>(state_->net, state_->network, std::nullopt);
  return state_->weights;
}

std::shared_ptr<const Weights> Inference::freeze(const Statistics& statistics) const {
  return std::make_shared<const Weights>(state_->net, state_->network, statistics);
}

std::size_t Inference::weights_bytes() const {
  return state_->network.parameters() * sizeof(float);
}

}  // namespace fibflow::model
