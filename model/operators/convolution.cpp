#include "model/engine/cpu.h"
#include "model/operators/convolution_weights.h"
#include "model/operators/lowering.h"
#include "model/operators/operators.h"
#include "model/operators/windows.h"
#include "model/steps/convolution_operation.h"
#include "model/steps/convolution_step.h"
#include "model/steps/planner.h"

// Conv, with groups, strides and dilations.

namespace fibflow::model {
namespace {

class PlainConvolution final : public ConvolutionOperation {
 public:
  int out_channels() const override { return static_cast<int>(weights.dims[0]); }

  ConvolutionForm form() const override {
    ConvolutionForm f;
    const int out = out_channels();
    const auto in = static_cast<int>(weights.dims[1]) * groups;
    const int block = channel_block();
    const bool depthwise = in == groups && out == groups && in % block == 0;
    const bool whole_blocks = (in / groups) % block == 0 && (out / groups) % block == 0;
    f.expanded = groups > 1 && !depthwise && !whole_blocks;
    f.groups = f.expanded ? 1 : groups;
    // Fast kernels are for whole blocks only; the lanes beyond the channels are there anyway, as zeros.
    f.in_channels = f.groups == 1 ? padded(in, block) : in;
    f.out_channels = f.groups == 1 ? padded(out, block) : out;
    return f;
  }

  std::vector<float> primitive_weights(int in_channels, std::span<const float> scale) const override {
    const ConvolutionForm f = form();
    const auto out = static_cast<std::size_t>(weights.dims[0]);
    const auto per_group = static_cast<std::size_t>(weights.dims[1]);
    const auto kernel = static_cast<std::size_t>(y.kernel * x.kernel);
    const std::size_t in = f.groups == 1 ? static_cast<std::size_t>(in_channels) : per_group;
    std::vector<float> result(static_cast<std::size_t>(f.out_channels) * in * kernel, 0.0F);
    for (std::size_t o = 0; o < out; ++o) {
      const float factor = scale.empty() ? 1.0F : scale[o];
      const std::size_t first = f.expanded ? o / (out / static_cast<std::size_t>(groups)) * per_group : 0;
      const float* from = weights.floats.data() + o * per_group * kernel;
      float* to = result.data() + (o * in + first) * kernel;
      for (std::size_t k = 0; k < per_group * kernel; ++k) to[k] = from[k] * factor;
    }
    return result;
  }

  Region needed(const Feature& input, const Region& part) const override {
    return {window_input(y, part.y, input.y.size), window_input(x, part.x, input.x.size)};
  }

  void plan(TilePlanner& planner) const override {
    const int in = inputs[0];
    const Region& out = planner.region(output);
    const Region part = planner.needed(*this, in);
    const ConvolutionForm f = form();
    auto step = std::make_unique<ConvolutionStep>(planner.index(), *this);
    ConvolutionShape& s = step->shape;
    s.plain_input = planner.block(in) == 1 && planner.feature(in).channels <= 3 && f.groups == 1;
    step->from = planner.operand(in, part, s.plain_input ? 1 : channel_block(), true);
    step->to = planner.within(output, out);
    s.in_channels = s.plain_input ? planner.feature(in).channels : f.in_channels;
    s.out_channels = f.out_channels;
    s.groups = f.groups;
    s.in_height = part.height();
    s.in_width = part.width();
    s.out_height = out.height();
    s.out_width = out.width();
    s.y = fitted(y, part.y, out.y);
    s.x = fitted(x, part.x, out.x);
    const bool activated = finish_shape(planner, s);
    planner.count(static_cast<double>(out.area()) * static_cast<double>(weights.size()));
    const int from = step->from.storage;
    const int to = step->to.storage;
    planner.emit(std::move(step), {from, to});
    finish(planner, activated);
  }

 private:
  /// The window for a part of the input: its padding is what a whole map's window has left over there.
  static Window fitted(const Window& w, Interval input, Interval part) {
    Window fitted = w;
    fitted.pad_begin = input.begin - (part.begin * w.stride - w.pad_begin);
    fitted.pad_end = (part.end - 1) * w.stride - w.pad_begin + w.span() - input.end;
    return fitted;
  }
};

}  // namespace

void lower_convolution(Lowering& lowering, const Node& node) {
  const Feature in = lowering.feature(node, 0);
  auto op = std::make_unique<PlainConvolution>();
  op->weights = read_weights(lowering, node);
  op->groups = checked_int(node, node.integer("group", 1), 1, most_channels, "group");
  const Lowering::Ints& d = op->weights.dims;
  if (d[1] * op->groups != in.channels || d[0] % op->groups != 0) {
    throw NodeError(node, "its weights take " + std::to_string(d[1] * op->groups) +
                              " channels, but its input '" + in.name + "' has " +
                              std::to_string(in.channels));
  }
  op->bias = read_bias(lowering, node, static_cast<int>(d[0]));
  op->y = read_window(node, 0, d[2], in.y.size);
  op->x = read_window(node, 1, d[3], in.x.size);
  Feature out;
  out.channels = static_cast<int>(d[0]);
  const auto size = [&](const Axis& a, const Window& w) {
    const int room = a.size + w.pad_begin + w.pad_end - w.span();
    if (room < 0) throw SizeMisfit(node, "its kernel is larger than its input");
    return slid(a, w, room / w.stride + 1);
  };
  out.y = size(in.y, op->y);
  out.x = size(in.x, op->x);
  lowering.add(node, {lowering.feature_index(node, 0)}, std::move(out), std::move(op));
}

}  // namespace fibflow::model
