#include <algorithm>

#include "model/engine/cpu.h"
#include "model/operators/convolution_weights.h"
#include "model/operators/lowering.h"
#include "model/operators/operators.h"
#include "model/operators/windows.h"
#include "model/steps/convolution_operation.h"
#include "model/steps/convolution_step.h"
#include "model/steps/planner.h"

// ConvTranspose. Without overlap (kernel = stride) it is a 1 x 1 convolution to kernel² times the channels, whose results
// are then put side by side.

namespace fibflow::model {
namespace {

/// Puts the channels of sub-pixels side by side.
class DepthToSpaceStep final : public Step {
 public:
  StoredMap from, to;
  Span span;
  int sub_y = 1, sub_x = 1, first_y = 0, first_x = 0;

  void key(StepKey& key) const override { key.add('d', from, to, span, first_y, first_x); }
  void run(const StepContext& context) const override {
    kernels().depth_to_space(context.view(from), context.view(to), span, sub_y, sub_x, first_y, first_x);
  }
};

int floor_div(int a, int b) {
  return a >= 0 ? a / b : -((-a + b - 1) / b);
}

/// The inputs, of `size`, that reach these outputs.
Interval reaching(const Window& w, Interval out, int size) {
  // Input i reaches outputs i * stride - pad … + span - 1.
  const Interval full{-floor_div(-(out.begin + w.pad_begin - w.span() + 1), w.stride),
                      floor_div(out.end - 1 + w.pad_begin, w.stride) + 1};
  Interval in = intersection(full, {0, size});
  // Outputs that no input reaches (output padding, gaps) still need one input to make a map of.
  if (in.empty()) in = {std::clamp(full.begin, 0, size - 1), std::clamp(full.begin, 0, size - 1) + 1};
  return in;
}

class TransposedConvolution final : public ConvolutionOperation {
 public:
  int out_channels() const override { return static_cast<int>(weights.dims[1]) * groups; }
  int bias_copies() const override { return form().depth_to_space ? y.kernel * x.kernel : 1; }

  ConvolutionForm form() const override {
    ConvolutionForm f;
    const auto disjoint = [](const Window& w) {
      return w.kernel == w.stride && w.dilation == 1 && w.pad_begin == 0 && w.pad_end == 0;
    };
    f.expanded = groups > 1;
    f.depth_to_space = disjoint(y) && disjoint(x);
    f.in_channels = padded(static_cast<int>(weights.dims[0]), channel_block());
    f.out_channels = padded(out_channels(), channel_block()) * (f.depth_to_space ? y.kernel * x.kernel : 1);
    return f;
  }

  std::vector<float> primitive_weights(int /*in_channels*/, std::span<const float> scale) const override {
    const ConvolutionForm f = form();
    const auto all_groups = static_cast<std::size_t>(groups);
    const auto in = static_cast<std::size_t>(weights.dims[0]);
    const auto per_group = static_cast<std::size_t>(weights.dims[1]);
    const auto kernel = static_cast<std::size_t>(y.kernel * x.kernel);
    const auto all_in = static_cast<std::size_t>(f.in_channels);
    const auto all_out = static_cast<std::size_t>(padded(out_channels(), channel_block()));
    std::vector<float> result(all_in * all_out * kernel, 0.0F);
    for (std::size_t i = 0; i < in; ++i) {
      for (std::size_t p = 0; p < per_group; ++p) {
        const std::size_t o = i / (in / all_groups) * per_group + p;
        const float factor = scale.empty() ? 1.0F : scale[o];
        for (std::size_t k = 0; k < kernel; ++k) {
          const float v = weights.floats[(i * per_group + p) * kernel + k] * factor;
          // depth to space: [sub-pixel, out, in]; otherwise as ONNX has it: [in, out, ky, kx].
          result[f.depth_to_space ? (k * all_out + o) * all_in + i : (i * all_out + o) * kernel + k] = v;
        }
      }
    }
    return result;
  }

  Region needed(const Feature& input, const Region& part) const override {
    return {reaching(y, part.y, input.y.size), reaching(x, part.x, input.x.size)};
  }

  void plan(TilePlanner& planner) const override {
    const int in = inputs[0];
    const Region& out = planner.region(output);
    const Region part = planner.needed(*this, in);
    const ConvolutionForm f = form();
    auto step = std::make_unique<ConvolutionStep>(planner.index(), *this);
    ConvolutionShape& s = step->shape;
    step->from = planner.operand(in, part, channel_block(), true);
    s.in_channels = f.in_channels;
    s.out_channels = f.out_channels;
    s.in_height = part.height();
    s.in_width = part.width();
    const bool activated = finish_shape(planner, s);
    planner.count(static_cast<double>(part.area()) * static_cast<double>(weights.size()));
    const int from = step->from.storage;
    if (f.depth_to_space) {
      s.out_height = part.height();
      s.out_width = part.width();
      const int temporary = planner.new_storage(static_cast<std::ptrdiff_t>(part.area()) * f.out_channels);
      auto d = std::make_unique<DepthToSpaceStep>();
      d->from = step->to = TilePlanner::whole(temporary, part, channel_block());
      planner.emit(std::move(step), {from, temporary});
      d->to = planner.within(output, out);
      d->span = planner.span_of(output, out);
      d->sub_y = y.stride;
      d->sub_x = x.stride;
      d->first_y = out.y.begin - part.y.begin * y.stride;
      d->first_x = out.x.begin - part.x.begin * x.stride;
      const int to = d->to.storage;
      planner.emit(std::move(d), {temporary, to});
    } else {
      s.transposed = true;
      step->to = planner.within(output, out);
      s.out_height = out.height();
      s.out_width = out.width();
      s.y = fitted(y, part.y, out.y);
      s.x = fitted(x, part.x, out.x);
      const int to = step->to.storage;
      planner.emit(std::move(step), {from, to});
    }
    finish(planner, activated);
  }

  /// Outputs that no input reaches (gaps between strides, output padding) hold the bias alone: a kernel with
  /// zeros at its end reaches them, and needs no special case later.
  void fill_gaps(int more_y, int more_x) {
    const auto longer = [](const Window& w, int more) {
      const int beyond = std::max({0, more - w.pad_end, w.stride - w.span()});
      return (beyond + w.dilation - 1) / w.dilation;
    };
    const int zeros_y = longer(y, more_y);
    const int zeros_x = longer(x, more_x);
    if (zeros_y == 0 && zeros_x == 0) return;
    const auto old_y = static_cast<std::size_t>(y.kernel);
    const auto old_x = static_cast<std::size_t>(x.kernel);
    y.kernel += zeros_y;
    x.kernel += zeros_x;
    const auto new_y = static_cast<std::size_t>(y.kernel);
    const auto new_x = static_cast<std::size_t>(x.kernel);
    const auto maps = static_cast<std::size_t>(weights.dims[0] * weights.dims[1]);
    std::vector<float> values(maps * new_y * new_x, 0.0F);
    for (std::size_t m = 0; m < maps; ++m) {
      for (std::size_t ky = 0; ky < old_y; ++ky) {
        for (std::size_t kx = 0; kx < old_x; ++kx)
          values[(m * new_y + ky) * new_x + kx] = weights.floats[(m * old_y + ky) * old_x + kx];
      }
    }
    weights = Constant::of_floats({weights.dims[0], weights.dims[1], y.kernel, x.kernel}, std::move(values));
  }

 private:
  /// The window for a part of the input: what it makes beyond the wanted part is cut off as padding.
  static Window fitted(const Window& w, Interval input, Interval part) {
    Window fitted = w;
    fitted.pad_begin = w.pad_begin + part.begin - input.begin * w.stride;
    fitted.pad_end = (input.size() - 1) * w.stride + w.span() - fitted.pad_begin - part.size();
    return fitted;
  }
};

}  // namespace

void lower_transposed_convolution(Lowering& lowering, const Node& node) {
  const Feature in = lowering.feature(node, 0);
  auto op = std::make_unique<TransposedConvolution>();
  op->weights = read_weights(lowering, node);
  op->groups = checked_int(node, node.integer("group", 1), 1, most_channels, "group");
  const Lowering::Ints d = op->weights.dims;
  if (d[0] != in.channels || d[0] % op->groups != 0) {
    throw NodeError(node, "its weights take " + std::to_string(d[0]) + " channels, but its input '" +
                              in.name + "' has " + std::to_string(in.channels));
  }
  if (node.attributes.contains("output_shape")) throw NodeError(node, "output_shape is not supported");
  Feature out;
  out.channels = checked_int(node, d[1] * op->groups, 1, most_channels, "number of channels");
  op->bias = read_bias(lowering, node, out.channels);
  op->y = read_window(node, 0, d[2], in.y.size);
  op->x = read_window(node, 1, d[3], in.x.size);
  const Lowering::Ints extra = node.integers("output_padding", {0, 0});
  if (extra.size() != 2) throw NodeError(node, "is not two-dimensional");
  const auto size = [&](const Axis& a, const Window& w, std::int64_t more) {
    checked_int(node, more, 0, std::max(w.stride, w.dilation) - 1, "output padding");
    const int n = (a.size - 1) * w.stride - w.pad_begin - w.pad_end + w.span() + static_cast<int>(more);
    const double step = a.stride / w.stride;
    return Axis{n, step, a.offset + step * (w.pad_begin - (w.span() - 1) / 2.0)};
  };
  out.y = size(in.y, op->y, extra[0]);
  out.x = size(in.x, op->x, extra[1]);
  op->fill_gaps(static_cast<int>(extra[0]), static_cast<int>(extra[1]));
  lowering.add(node, {lowering.feature_index(node, 0)}, std::move(out), std::move(op));
}

}  // namespace fibflow::model
