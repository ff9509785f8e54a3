#include "model/tile/tile_plan.h"

#include <algorithm>
#include <stdexcept>

#include "model/tile/weights.h"

namespace fibflow::model {
namespace {

const Activation& activation_of(const Operation& op) {
  static const Activation none;
  if (const auto* x = std::get_if<ConvolutionOp>(&op.what)) return x->activation;
  if (const auto* x = std::get_if<DeconvolutionOp>(&op.what)) return x->activation;
  if (const auto* x = std::get_if<NormalizeOp>(&op.what)) return x->activation;
  if (const auto* x = std::get_if<ActivationOp>(&op.what)) return x->activation;
  return none;
}

std::vector<float> filled_up(std::vector<float> values, std::size_t size) {
  values.resize(size, 0.0F);
  return values;
}

// GCC's vectors are read through aligned pointers.
struct AlignedCopy {
  explicit AlignedCopy(const std::vector<float>& values) : floats(values.size()) {
    std::ranges::copy(values, floats.data());
  }
  AlignedFloats floats;
};

}  // namespace

CompiledTile::CompiledTile(std::shared_ptr<const ShapedNetwork> net, Network network, TileSpec spec)
    : net_(std::move(net)), network_(std::move(network)), spec_(std::move(spec)) {
  convolutions_.resize(spec_.steps.size());
  for (std::size_t i = 0; i < spec_.steps.size(); ++i) {
    const auto* step = std::get_if<ConvolutionStep>(&spec_.steps[i]);
    if (step == nullptr) continue;
    try {
      convolutions_[i] = std::make_unique<Convolution>(step->shape);
    } catch (const std::exception& e) {
      throw ModelError(net_->operations()[static_cast<std::size_t>(step->op)].label +
                       ": no primitive for this shape: " + e.what());
    }
    scratch_floats_ = std::max(scratch_floats_, (convolutions_[i]->scratch_bytes() + 63) / 64 * 16);
  }
}

/// Runs steps in one workspace.
struct CompiledTile::Runner {
  const CompiledTile& tile;
  float* base;
  const Weights& weights;
  const Statistics* statistics = nullptr;  // of every layer
  Moments* moments = nullptr;
  const std::vector<CountedShare>* counted_layers = nullptr;
  // One layer at a time:
  const LayerStatistics* used = nullptr;
  LayerMoments* measured = nullptr;
  const CountedShare* counted_layer = nullptr;
  enum class Half { both, measure, apply } half = Half::both;

  float* at(const Place& p) const {
    return base + tile.spec_.storage_offset[static_cast<std::size_t>(p.storage)] + p.offset;
  }
  View view(const Place& p) const { return {at(p), p.row, p.plane}; }

  void step(std::size_t i) {
    current = i;
    std::visit([this](const auto& s) { (*this)(s); }, tile.spec_.steps[i]);
  }

  void operator()(const ConvolutionStep& s) const {
    const Convolution& convolution = *tile.convolutions_[current];
    convolution.execute(at(s.from), weights.arranged(s.op, convolution),
                        s.shape.bias ? weights.bias(s.op) : nullptr, at(s.to),
                        base + tile.spec_.workspace_floats);
  }

  void operator()(const NormalizationStep& s) {
    const Operation& op = tile.net_->operations()[static_cast<std::size_t>(s.op)];
    const auto lanes = static_cast<std::size_t>(s.span.blocks * s.span.block);
    Normalizer n;
    LayerMoments* sink = nullptr;
    const LayerStatistics* centre = nullptr;
    const CountedShare* counted = nullptr;
    switch (s.source) {
      case NormalizationStep::Source::identity:
        n = {std::vector<float>(lanes, 1.0F), std::vector<float>(lanes, 0.0F)};
        break;
      case NormalizationStep::Source::affine: {
        const auto& affine = std::get<AffineOp>(op.what);
        n = {filled_up(affine.scale, lanes), filled_up(affine.shift, lanes)};
        break;
      }
      case NormalizationStep::Source::batch_norm: {
        const auto layer = static_cast<std::size_t>(s.batch_norm);
        if (tile.spec_.kind == PlanKind::frozen) {
          n = weights.frozen_normalizer(s.batch_norm);
        } else {
          const LayerStatistics* given = statistics != nullptr ? &statistics->layers.at(layer) : used;
          if (half != Half::measure) n = normalizer(tile.network_.batch_norms()[layer], *given);
          if (half == Half::both && moments != nullptr) {
            sink = &moments->layers[layer];
            centre = given;
            if (counted_layers != nullptr) counted = &counted_layers->at(layer);
          }
          if (half == Half::measure) sink = measured, counted = counted_layer;
        }
        n.scale.resize(n.scale.empty() ? 0 : lanes, 0.0F);
        n.shift.resize(n.shift.empty() ? 0 : lanes, 0.0F);
        break;
      }
    }
    normalize(s, op, n, sink, centre, counted);
  }

  void normalize(const NormalizationStep& s, const Operation& op, const Normalizer& n, LayerMoments* sink,
                 const LayerStatistics* given, const CountedShare* counted) const {
    const auto lanes = static_cast<std::size_t>(s.span.blocks * s.span.block);
    const int channels = tile.net_->features()[static_cast<std::size_t>(op.output)].channels;
    const Activation& activation = activation_of(op);
    const AlignedCopy scale(n.scale);
    const AlignedCopy shift(n.shift);
    const AlignedCopy slopes(s.activate && !activation.slopes.empty() ? filled_up(activation.slopes, lanes)
                                                                      : std::vector<float>());
    AlignedFloats centre(sink != nullptr ? lanes : 0);
    std::vector<double> sum(centre.size());
    std::vector<double> squares(centre.size());
    Normalization how;
    if (!n.scale.empty()) {
      how.scale = scale.floats.data();
      how.shift = shift.floats.data();
    }
    if (s.activate) {
      how.activation = activation.kind;
      how.a = activation.a;
      how.b = activation.b;
      how.slopes = slopes.floats.size() == 0 ? nullptr : slopes.floats.data();
    }
    CountedPixels pixels;
    if (sink != nullptr) {
      fill_centre(s, given, counted, channels, centre.data());
      how.share = s.share;
      if (counted != nullptr) {
        pixels = {counted->first.data(), counted->last.data(), counted->runs.data()};
        how.counted = &pixels;
      }
      how.centre = centre.data();
      how.sum = sum.data();
      how.squares = squares.data();
    }
    kernels().normalize(view(s.from), view(s.to), s.span, how);
    if (sink == nullptr) return;
    const auto count = static_cast<double>(counted != nullptr ? counted->pixels : s.share.area());
    *sink = {count, std::vector<double>(static_cast<std::size_t>(channels)),
             std::vector<double>(static_cast<std::size_t>(channels))};
    if (count == 0) return;
    for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c) {
      sink->mean[c] = centre.data()[c] + sum[c] / count;
      sink->squares[c] = std::max(0.0, squares[c] - sum[c] * sum[c] / count);
    }
  }

  /// Sums are taken around a value near the mean: the mean in use, or the first counted pixel's value where none
  /// is known yet.
  void fill_centre(const NormalizationStep& s, const LayerStatistics* given, const CountedShare* counted,
                   int channels, float* centre) const {
    if (given != nullptr) {
      std::ranges::copy(given->mean, centre);
      return;
    }
    if (s.share.empty() || (counted != nullptr && counted->pixels == 0)) return;
    std::ptrdiff_t y = s.share.y.begin;
    std::ptrdiff_t x = s.share.x.begin;
    if (counted != nullptr) {
      std::size_t row = 0;
      while (counted->first[row] == counted->last[row]) ++row;
      y += static_cast<std::ptrdiff_t>(row);
      x += counted->runs[static_cast<std::size_t>(counted->first[row])].begin;
    }
    const float* pixel = at(s.from) + y * s.from.row + x * s.span.block;
    for (int c = 0; c < channels; ++c) centre[c] = pixel[c / s.span.block * s.from.plane + c % s.span.block];
  }

  void operator()(const PoolStep& s) const {
    kernels().pool(view(s.from), view(s.to), s.span, s.maximum,
                   {s.first_y.data(), s.count_y.data(), s.weight_y.data(), s.step_y},
                   {s.first_x.data(), s.count_x.data(), s.weight_x.data(), s.step_x});
  }

  void operator()(const ResizeStep& s) const {
    kernels().resize(view(s.from), view(s.to), s.span, s.linear,
                     {s.first_y.data(), s.second_y.data(), s.weight_y.data()},
                     {s.first_x.data(), s.second_x.data(), s.weight_x.data()});
  }

  void operator()(const BinaryStep& s) const {
    kernels().binary(s.kind, view(s.a), s.a_single, view(s.b), s.b_single, view(s.to), s.span);
  }
  void operator()(const SoftmaxStep& s) const {
    kernels().softmax(view(s.from), view(s.to), s.span, s.channels);
  }
  void operator()(const PickStep& s) const {
    kernels().pick(view(s.from), view(s.to), s.span, s.y.data(), s.x.data(), s.constant);
  }
  void operator()(const DepthToSpaceStep& s) const {
    kernels().depth_to_space(view(s.from), view(s.to), s.span, s.sub_y, s.sub_x, s.first_y, s.first_x);
  }
  void operator()(const CopyStep& s) const { copy(view(s.from), view(s.to), s.span); }

  void operator()(const CopyChannelsStep& s) const {
    if (s.clear) {
      const View to = view(s.to);
      for (int cb = 0; cb < s.to_blocks; ++cb) {
        for (int y = 0; y < s.height; ++y) {
          float* row = to.data + cb * to.plane + y * to.row;
          std::fill(row, row + static_cast<std::ptrdiff_t>(s.width) * s.to_block, 0.0F);
        }
      }
    }
    copy_channels(view(s.from), s.from_block, s.from_first, view(s.to), s.to_block, s.to_first, s.channels,
                  s.height, s.width);
  }

  std::size_t current = 0;
};

void CompiledTile::run(float* workspace, const Weights& weights, const Statistics* statistics,
                       Moments* moments, const std::vector<CountedShare>* counted) const {
  const bool frozen = spec_.kind == PlanKind::frozen;
  if (weights.frozen() != frozen) throw std::invalid_argument("weights of another kind of plan");
  if (frozen ? statistics != nullptr || moments != nullptr : statistics == nullptr)
    throw std::invalid_argument("statistics belong to measured plans");
  if (moments != nullptr) moments->layers.assign(network_.batch_norms().size(), {});
  Runner runner{*this, workspace, weights, statistics, moments, counted};
  for (std::size_t i = 0; i < spec_.steps.size(); ++i) runner.step(i);
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
  Runner runner{*this, workspace, weights};
  std::size_t i = 0;
  if (stage > 0) {
    i = static_cast<std::size_t>(spec_.stage_end[static_cast<std::size_t>(stage) - 1]);
    runner.used = used;
    runner.half = Runner::Half::apply;
    runner.step(i++);
  }
  const std::size_t end = stage < layers
                              ? static_cast<std::size_t>(spec_.stage_end[static_cast<std::size_t>(stage)])
                              : spec_.steps.size();
  for (; i < end; ++i) runner.step(i);
  if (stage < layers) {
    runner.measured = measured;
    runner.counted_layer = counted;
    runner.half = Runner::Half::measure;
    runner.step(end);
  }
}

void CompiledTile::read_output(const float* workspace, std::span<float> output) const {
  const auto pixels =
      static_cast<std::size_t>(spec_.output_height) * static_cast<std::size_t>(spec_.output_width);
  if (output.size() != pixels * static_cast<std::size_t>(spec_.output_channels))
    throw std::invalid_argument("the output has another size");
  const Place& p = spec_.output;
  float* base =
      const_cast<float*>(workspace) + spec_.storage_offset[static_cast<std::size_t>(p.storage)] + p.offset;
  const View to{output.data(), spec_.output_width, static_cast<std::ptrdiff_t>(pixels)};
  copy_channels({base, p.row, p.plane}, spec_.output_block, 0, to, 1, 0, spec_.output_channels,
                spec_.output_height, spec_.output_width);
}

}  // namespace fibflow::model
