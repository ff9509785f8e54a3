#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "model/operators/lowering.h"
#include "model/operators/operators.h"
#include "model/steps/planner.h"

// Resize and Upsample of the pixels: nearest and linear.

namespace fibflow::model {
namespace {

/// One axis: which inputs make output o, out = (1 - weight) * in[first] + weight * in[second].
struct ResizeAxis {
  enum class Coordinates { half_pixel, pytorch_half_pixel, align_corners, asymmetric };
  enum class Nearest { round_prefer_floor, round_prefer_ceil, floor, ceil };
  bool linear = false;
  Coordinates coordinates = Coordinates::half_pixel;
  Nearest nearest = Nearest::floor;
  double scale = 1;
  int in = 0;
  int out = 0;

  struct Tap {
    int first = 0;
    int second = 0;
    float weight = 0;
  };
  Tap tap(int o) const;

  Interval needed(Interval part) const {
    Interval input;
    for (const int o : {part.begin, part.end - 1}) {  // taps are monotone
      const Tap t = tap(o);
      input = hull(input, {std::min(t.first, t.second), std::max(t.first, t.second) + 1});
    }
    return input;
  }
};

class ResizeStep final : public Step {
 public:
  /// What the outputs along one axis read; see ResizeTaps.
  struct Taps {
    std::vector<int> first, second;
    std::vector<float> weight;

    Taps() = default;
    Taps(const ResizeAxis& axis, Interval outputs, Interval input) {
      for (int o = outputs.begin; o < outputs.end; ++o) {
        const ResizeAxis::Tap t = axis.tap(o);
        first.push_back(t.first - input.begin);
        second.push_back(t.second - input.begin);
        weight.push_back(t.weight);
      }
    }
    ResizeTaps axis() const { return {first.data(), second.data(), weight.data()}; }
  };
  StoredMap from, to;
  Span span;
  bool linear = false;
  Taps y, x;

  void key(StepKey& key) const override {
    key.add('r', from, to, span, y.first, y.second, y.weight, x.first, x.second, x.weight);
  }
  void run(const StepContext& context) const override {
    kernels().resize(context.view(from), context.view(to), span, linear, y.axis(), x.axis());
  }
};

class ResizeOperation final : public Operation {
 public:
  ResizeAxis y;
  ResizeAxis x;

  Region needed(const Feature& /*input*/, const Region& part) const override {
    return {y.needed(part.y), x.needed(part.x)};
  }

  void plan(TilePlanner& planner) const override {
    const int in = inputs[0];
    const Region& out = planner.region(output);
    const Region part = planner.needed(*this, in);
    auto step = std::make_unique<ResizeStep>();
    step->from = planner.operand(in, part, planner.block(output), false);
    step->to = planner.within(output, out);
    step->span = planner.span_of(output, out);
    step->linear = y.linear;
    step->y = ResizeStep::Taps(y, out.y, part.y);
    step->x = ResizeStep::Taps(x, out.x, part.x);
    const int from = step->from.storage;
    const int to = step->to.storage;
    planner.emit(std::move(step), {from, to});
  }
};

ResizeAxis::Tap ResizeAxis::tap(int o) const {
  double at = 0;
  switch (coordinates) {
    case Coordinates::half_pixel:
      at = (o + 0.5) / scale - 0.5;
      break;
    case Coordinates::pytorch_half_pixel:
      at = out > 1 ? (o + 0.5) / scale - 0.5 : 0;
      break;
    case Coordinates::align_corners:
      at = out > 1 ? o * static_cast<double>(in - 1) / (out - 1) : 0;
      break;
    case Coordinates::asymmetric:
      at = o / scale;
      break;
  }
  Tap t;
  if (linear) {
    at = std::clamp(at, 0.0, static_cast<double>(in - 1));
    t.first = static_cast<int>(std::floor(at));
    t.second = std::min(t.first + 1, in - 1);
    t.weight = static_cast<float>(at - t.first);
    return t;
  }
  double picked = 0;
  switch (nearest) {
    case Nearest::floor:
      picked = std::floor(at + 1e-9);
      break;  // 3 / (2/3 as a float) must be what it means
    case Nearest::ceil:
      picked = std::ceil(at - 1e-9);
      break;
    case Nearest::round_prefer_floor:
      picked = std::ceil(at - 0.5);
      break;
    case Nearest::round_prefer_ceil:
      picked = std::floor(at + 0.5);
      break;
  }
  t.first = t.second = static_cast<int>(std::clamp(picked, 0.0, static_cast<double>(in - 1)));
  return t;
}

}  // namespace

namespace {

/// What is asked for, for each of the four axes.
struct ResizeShape {
  bool by_size = false;
  std::array<double, 4> scales{1, 1, 1, 1};
  std::array<std::int64_t, 4> sizes{};
};

ResizeShape read_shape(const Lowering& lowering, const Node& node, const Feature& in) {
  const bool upsample = node.op == "Upsample";
  const Constant* scales = lowering.constant_input(node, upsample ? 1 : 2);
  const Constant* sizes = upsample ? nullptr : lowering.constant_input(node, 3);
  // Since opset 18 a node may name the axes that it has numbers for.
  const Lowering::Ints axes = node.integers("axes", {0, 1, 2, 3});
  const auto count = static_cast<std::int64_t>(axes.size());
  ResizeShape shape;
  shape.by_size = sizes != nullptr && sizes->size() > 0;
  if (shape.by_size ? !sizes->integral || sizes->size() != count
                    : scales == nullptr || scales->integral || scales->size() != count) {
    throw NodeError(node, "its sizes or scales are not " + (count == 4 ? "four" : std::to_string(count)) +
                              " known numbers");
  }
  const std::array<double, 4> now{1, static_cast<double>(in.channels), static_cast<double>(in.y.size),
                                  static_cast<double>(in.x.size)};
  std::array<bool, 4> named{};
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t axis = axes[i] < 0 ? axes[i] + 4 : axes[i];
    if (axis < 0 || axis > 3) throw NodeError(node, "its axis lies outside the tensor");
    const auto k = static_cast<std::size_t>(axis);
    named[k] = true;
    shape.scales[k] = shape.by_size ? static_cast<double>(sizes->ints[i]) / now[k] : scales->at(i);
  }
  if (shape.scales[1] != 1) throw NodeError(node, "it resizes the channels");
  if (!shape.by_size) return shape;
  const std::string policy = node.text("keep_aspect_ratio_policy", "stretch");
  double common = policy == "not_larger" ? std::numeric_limits<double>::infinity() : 0;
  for (std::size_t k = 0; k < 4; ++k) {
    if (named[k])
      common = policy == "not_larger" ? std::min(common, shape.scales[k]) : std::max(common, shape.scales[k]);
  }
  if (policy != "stretch" && policy != "not_larger" && policy != "not_smaller")
    throw NodeError(node, "its keep_aspect_ratio_policy '" + policy + "' is not supported");
  for (std::size_t k = 0; k < 4; ++k) {
    const double scale = !named[k] ? 1 : policy == "stretch" ? shape.scales[k] : common;
    shape.sizes[k] = static_cast<std::int64_t>(std::floor(now[k] * scale + 0.5));
  }
  return shape;
}

}  // namespace

void lower_resize(Lowering& lowering, const Node& node) {
  const Feature in = lowering.feature(node, 0);
  const bool upsample = node.op == "Upsample";
  const std::string mode = node.text("mode", "nearest");
  if (mode != "nearest" && mode != "linear")
    throw NodeError(node, "its mode '" + mode + "' is not supported; nearest and linear are");
  const ResizeShape shape = read_shape(lowering, node, in);
  using Coordinates = ResizeAxis::Coordinates;
  using Nearest = ResizeAxis::Nearest;
  static const std::map<std::string, Coordinates> coordinates = {
      {"half_pixel", Coordinates::half_pixel},
      {"pytorch_half_pixel", Coordinates::pytorch_half_pixel},
      {"align_corners", Coordinates::align_corners},
      {"asymmetric", Coordinates::asymmetric}};
  static const std::map<std::string, Nearest> nearest = {{"round_prefer_floor", Nearest::round_prefer_floor},
                                                         {"round_prefer_ceil", Nearest::round_prefer_ceil},
                                                         {"floor", Nearest::floor},
                                                         {"ceil", Nearest::ceil}};
  const std::string how = node.text("coordinate_transformation_mode", upsample ? "asymmetric" : "half_pixel");
  const std::string rounding = node.text("nearest_mode", upsample ? "floor" : "round_prefer_floor");
  if (!coordinates.contains(how))
    throw NodeError(node, "its coordinate_transformation_mode '" + how + "' is not supported");
  if (!nearest.contains(rounding))
    throw NodeError(node, "its nearest_mode '" + rounding + "' is not supported");
  const auto axis = [&](int i, const Axis& a, Axis& out) {
    ResizeAxis r;
    r.linear = mode == "linear";
    r.coordinates = coordinates.at(how);
    r.nearest = nearest.at(rounding);
    r.in = a.size;
    const auto k = static_cast<std::size_t>(i);
    if (shape.by_size) {
      r.out = checked_int(node, shape.sizes[k], 1, largest_side, "size");
      r.scale = static_cast<double>(r.out) / r.in;
    } else {
      r.scale = shape.scales[k];
      if (!(r.scale > 0 && r.scale < 1024)) throw NodeError(node, "its scale is not usable");
      r.out =
          checked_int(node, static_cast<std::int64_t>(std::floor(a.size * r.scale)), 0, largest_side, "size");
    }
    if (node.integer("antialias", 0) != 0 && r.linear && r.scale < 1)
      throw NodeError(node,
                      "it smooths while it makes the image smaller (antialias), which is not supported");
    const bool corners = r.coordinates == Coordinates::align_corners && r.out > 1;
    const double step = corners ? static_cast<double>(r.in - 1) / (r.out - 1) : 1 / r.scale;
    const double first =
        corners ? 0 : 0.5 / r.scale - 0.5;  // pixels as areas, also where nearest takes a corner
    out = {r.out, a.stride * step, a.offset + a.stride * first};
    return r;
  };
  Feature out = in;
  auto op = std::make_unique<ResizeOperation>();
  op->y = axis(2, in.y, out.y);
  op->x = axis(3, in.x, out.x);
  lowering.add(node, {lowering.feature_index(node, 0)}, std::move(out), std::move(op));
}

}  // namespace fibflow::model
