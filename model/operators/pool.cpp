#include <algorithm>

#include "model/operators/lowering.h"
#include "model/operators/operators.h"
#include "model/operators/windows.h"
#include "model/steps/planner.h"

// MaxPool and AveragePool.

namespace fibflow::model {
namespace {

class PoolStep final : public Step {
 public:
  /// What the outputs along one axis read; see PoolAxis.
  struct Taps {
    std::vector<int> first, count;
    std::vector<float> weight;
    int step = 1;

    PoolAxis axis() const { return {first.data(), count.data(), weight.data(), step}; }
  };
  StoredMap from, to;
  Span span;
  bool maximum = true;
  Taps y, x;

  void key(StepKey& key) const override {
    key.add('m', from, to, span, y.first, y.count, y.weight, x.first, x.count, x.weight);
  }
  void run(const StepContext& context) const override {
    kernels().pool(context.view(from), context.view(to), span, maximum, y.axis(), x.axis());
  }
};

class PoolOperation final : public Operation {
 public:
  bool maximum = true;
  bool count_padding = false;  ///< average: divide by the window, not by what of it lies in the image
  Window y;
  Window x;

  Region needed(const Feature& input, const Region& part) const override {
    return {window_input(y, part.y, input.y.size), window_input(x, part.x, input.x.size)};
  }

  void plan(TilePlanner& planner) const override {
    const int in = inputs[0];
    const Region& out = planner.region(output);
    const Region part = planner.needed(*this, in);
    auto step = std::make_unique<PoolStep>();
    step->from = planner.operand(in, part, planner.block(output), false);
    step->to = planner.within(output, out);
    step->span = planner.span_of(output, out);
    step->maximum = maximum;
    step->y = taps(y, out.y, part.y, planner.feature(in).y.size);
    step->x = taps(x, out.x, part.x, planner.feature(in).x.size);
    const int from = step->from.storage;
    const int to = step->to.storage;
    planner.emit(std::move(step), {from, to});
  }

 private:
  PoolStep::Taps taps(const Window& w, Interval outputs, Interval input, int size) const {
    PoolStep::Taps taps;
    taps.step = w.dilation;
    for (int o = outputs.begin; o < outputs.end; ++o) {
      const int begin = o * w.stride - w.pad_begin;
      int k0 = 0;
      int k1 = w.kernel;
      while (k0 < k1 && begin + k0 * w.dilation < 0) ++k0;
      while (k1 > k0 && begin + (k1 - 1) * w.dilation >= size) --k1;
      // With padding counted, a window still ends with the padding: ceil_mode lets it hang over.
      const int whole = std::min(begin + w.span(), size + w.pad_end) - begin;
      const int divisor = count_padding ? (w.dilation == 1 ? whole : w.kernel) : k1 - k0;
      taps.first.push_back(std::max(begin + k0 * w.dilation, input.begin) - input.begin);
      taps.count.push_back(k1 - k0);
      taps.weight.push_back(1.0F / static_cast<float>(std::max(1, divisor)));
    }
    return taps;
  }
};

}  // namespace

void lower_pool(Lowering& lowering, const Node& node) {
  const Feature in = lowering.feature(node, 0);
  if (node.outputs.size() > 1 && !node.outputs[1].empty())
    throw NodeError(node, "its indices are not supported");
  const Lowering::Ints kernel = node.integers("kernel_shape", {});
  if (kernel.size() != 2) throw NodeError(node, "is not two-dimensional");
  auto op = std::make_unique<PoolOperation>();
  op->maximum = node.op == "MaxPool";
  op->count_padding = node.integer("count_include_pad", 0) != 0;
  op->y = read_window(node, 0, kernel[0], in.y.size);
  op->x = read_window(node, 1, kernel[1], in.x.size);
  const bool ceil_mode = node.integer("ceil_mode", 0) != 0;
  Feature out = in;
  const auto size = [&](const Axis& a, const Window& w) {
    if (w.pad_begin >= w.span() || w.pad_end >= w.span())
      throw NodeError(node, "its padding is as large as its kernel");
    const int room = a.size + w.pad_begin + w.pad_end - w.span();
    if (room < 0) throw SizeMisfit(node, "its kernel is larger than its input");
    int n = (room + (ceil_mode ? w.stride - 1 : 0)) / w.stride + 1;
    // A last window that would begin beyond the image and its left padding is left out, as in PyTorch.
    if (ceil_mode && (n - 1) * w.stride >= a.size + w.pad_begin) --n;
    return slid(a, w, n);
  };
  out.y = size(in.y, op->y);
  out.x = size(in.x, op->x);
  lowering.add(node, {lowering.feature_index(node, 0)}, std::move(out), std::move(op));
}

}  // namespace fibflow::model
