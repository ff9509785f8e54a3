#include "model/steps/normalization_step.h"

#include <algorithm>

namespace fibflow::model {
namespace {

std::vector<float> filled_up(std::vector<float> values, std::size_t size) {
  values.resize(size, 0.0F);
  return values;
}

// GCC's vectors are read through aligned pointers.
AlignedFloats aligned(const std::vector<float>& values) {
  AlignedFloats floats(values.size());
  std::ranges::copy(values, floats.data());
  return floats;
}

}  // namespace

/// What is measured in a run, if anything.
struct NormalizationStep::Measurement {
  LayerMoments* sink = nullptr;
  const LayerStatistics* given = nullptr;  ///< what the layer is normalized with
  const CountedShare* counted = nullptr;   ///< null: all pixels
};

void NormalizationStep::key(StepKey& key) const {
  key.add('n', index, from, to, span, share);
}

ScaleShift NormalizationStep::with_batch_norm(const StepContext& context, Measurement& measurement) const {
  using Half = StepContext::Half;
  const auto layer = static_cast<std::size_t>(batch_norm);
  if (context.kind == PlanKind::frozen) return context.weights->frozen_scale_shift(batch_norm);
  if (context.half == Half::measure) {
    measurement = {context.measured, nullptr, context.counted_layer};
    return {};
  }
  const LayerStatistics* given =
      context.statistics != nullptr ? &context.statistics->layers.at(layer) : context.used;
  if (context.half == Half::both && context.moments != nullptr) {
    measurement = {&context.moments->layers[layer], given,
                   context.counted_layers != nullptr ? &context.counted_layers->at(layer) : nullptr};
  }
  return scale_shift(context.batch_norms[layer], *given);
}

void NormalizationStep::run(const StepContext& context) const {
  const auto lanes = static_cast<std::size_t>(span.blocks * span.block);
  Measurement measurement;
  ScaleShift n;
  switch (source) {
    case Source::identity:
      n = {std::vector<float>(lanes, 1.0F), std::vector<float>(lanes, 0.0F)};
      break;
    case Source::affine:
      n = {filled_up(affine->scale, lanes), filled_up(affine->shift, lanes)};
      break;
    case Source::batch_norm:
      n = with_batch_norm(context, measurement);
      if (!n.scale.empty()) n = {filled_up(n.scale, lanes), filled_up(n.shift, lanes)};
      break;
  }
  const AlignedFloats scale = aligned(n.scale);
  const AlignedFloats shift = aligned(n.shift);
  const AlignedFloats slopes =
      aligned(activation != nullptr && !activation->slopes.empty() ? filled_up(activation->slopes, lanes)
                                                                   : std::vector<float>());
  LayerMoments* const sink = measurement.sink;
  const CountedShare* const counted = measurement.counted;
  const AlignedFloats centre(sink != nullptr ? lanes : 0);
  std::vector<double> sum(centre.size());
  std::vector<double> squares(centre.size());
  NormalizeArguments how;
  if (!n.scale.empty()) {
    how.scale = scale.data();
    how.shift = shift.data();
  }
  if (activation != nullptr) {
    how.activation = activation->kind;
    how.a = activation->a;
    how.b = activation->b;
    how.slopes = slopes.size() == 0 ? nullptr : slopes.data();
  }
  CountedPixels pixels;
  if (sink != nullptr) {
    fill_centre(context, measurement, centre.data());
    how.share = share;
    if (counted != nullptr) {
      pixels = {counted->first.data(), counted->last.data(), counted->runs.data()};
      how.counted = &pixels;
    }
    how.centre = centre.data();
    how.sum = sum.data();
    how.squares = squares.data();
  }
  kernels().normalize(context.view(from), context.view(to), span, how);
  if (sink == nullptr) return;
  const auto count = static_cast<double>(counted != nullptr ? counted->pixels : share.area());
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
void NormalizationStep::fill_centre(const StepContext& context, const Measurement& measurement,
                                    float* centre) const {
  if (measurement.given != nullptr) {
    std::ranges::copy(measurement.given->mean, centre);
    return;
  }
  const CountedShare* counted = measurement.counted;
  if (share.empty() || (counted != nullptr && counted->pixels == 0)) return;
  std::ptrdiff_t y = share.y.begin;
  std::ptrdiff_t x = share.x.begin;
  if (counted != nullptr) {
    std::size_t row = 0;
    while (counted->first[row] == counted->last[row]) ++row;
    y += static_cast<std::ptrdiff_t>(row);
    x += counted->runs[static_cast<std::size_t>(counted->first[row])].begin;
  }
  const float* pixel = context.at(from) + y * from.row + x * span.block;
  for (int c = 0; c < channels; ++c) centre[c] = pixel[c / span.block * from.plane + c % span.block];
}

}  // namespace fibflow::model
