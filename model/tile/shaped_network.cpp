#include "model/tile/shaped_network.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

namespace fibflow::model {
namespace {

constexpr double tolerance = 1e-6;

Interval window_input(const Window& w, Interval out, int size) {
  const Interval full{out.begin * w.stride - w.pad_begin, (out.end - 1) * w.stride - w.pad_begin + w.span()};
  return intersection(full, {0, size});
}

/// The image position that an axis's first pixel stands for; half-way (even kernels) counts for the pixel
/// before.
int anchor(const Axis& axis) {
  return static_cast<int>(std::ceil(axis.offset - 0.5 - tolerance));
}

int floor_div(int a, int b) {
  return a >= 0 ? a / b : -((-a + b - 1) / b);
}

Interval transposed_input(const Window& w, Interval out, int size) {
  // Input i reaches outputs i * stride - pad … + span - 1.
  const Interval full{-floor_div(-(out.begin + w.pad_begin - w.span() + 1), w.stride),
                      floor_div(out.end - 1 + w.pad_begin, w.stride) + 1};
  Interval in = intersection(full, {0, size});
  // Outputs that no input reaches (output padding, gaps) still need one input to make a map of.
  if (in.empty()) in = {std::clamp(full.begin, 0, size - 1), std::clamp(full.begin, 0, size - 1) + 1};
  return in;
}

Interval resize_input(const ResizeAxis& axis, Interval out) {
  Interval in;
  for (const int o : {out.begin, out.end - 1}) {  // taps are monotone
    const ResizeAxis::Tap t = axis.tap(o);
    in = hull(in, {std::min(t.first, t.second), std::max(t.first, t.second) + 1});
  }
  return in;
}

Interval pad_input(PadOp::Mode mode, int before, Interval out, int size) {
  Interval in;
  for (int o = out.begin; o < out.end; ++o) {
    const int s = PadOp::source(mode, o, before, size);
    if (s >= 0) in = hull(in, {s, s + 1});
  }
  return in.empty() ? Interval{0, 1} : in;
}

/// Where pixels of an axis begin to belong to core position p: the first index whose centre is at or after p.
int boundary(const Axis& axis, double p) {
  return static_cast<int>(std::ceil((p - axis.offset) / axis.stride - tolerance));
}

Interval axis_share(const Axis& axis, Interval core, int slice, int before, int after) {
  // Half a pixel before its first centre a slice begins; what lies outside was only mirrored in.
  int first = before > 0 ? std::clamp(boundary(axis, before - 0.5), 0, axis.size) : 0;
  int last = after > 0 ? std::clamp(boundary(axis, before + slice - 0.5), 0, axis.size) : axis.size;
  if (first >= last) {
    // A slice so small that no centre lies in it: the next one stands for it, so that there is something to measure.
    first = std::clamp(boundary(axis, before + (slice - 1) / 2.0), 0, axis.size - 1);
    last = first + 1;
  }
  const int begin = core.begin == 0 ? first : std::clamp(boundary(axis, before + core.begin), first, last);
  const int end = core.end == slice ? last : std::clamp(boundary(axis, before + core.end), first, last);
  return {begin, end};
}

}  // namespace

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

int PadOp::source(Mode mode, int o, int before, int size) {
  int i = o - before;
  if (i >= 0 && i < size) return i;
  switch (mode) {
    case Mode::constant:
      return -1;
    case Mode::edge:
      return std::clamp(i, 0, size - 1);
    case Mode::reflect:
      break;
  }
  if (size == 1) return 0;
  const int period = 2 * (size - 1);
  i = ((i % period) + period) % period;
  return i < size ? i : period - i;
}

Region needed(const Operation& operation, const Feature& input, const Region& out) {
  const int h = input.y.size;
  const int w = input.x.size;
  struct Visitor {
    const Region& out;
    int h, w;
    Region operator()(const ConvolutionOp& op) const {
      return {window_input(op.y, out.y, h), window_input(op.x, out.x, w)};
    }
    Region operator()(const PoolOp& op) const {
      return {window_input(op.y, out.y, h), window_input(op.x, out.x, w)};
    }
    Region operator()(const DeconvolutionOp& op) const {
      return {transposed_input(op.y, out.y, h), transposed_input(op.x, out.x, w)};
    }
    Region operator()(const ResizeOp& op) const {
      return {resize_input(op.y, out.y), resize_input(op.x, out.x)};
    }
    Region operator()(const PadOp& op) const {
      return {pad_input(op.mode, op.before_y, out.y, h), pad_input(op.mode, op.before_x, out.x, w)};
    }
    Region operator()(const NormalizeOp&) const { return out; }
    Region operator()(const ActivationOp&) const { return out; }
    Region operator()(const AffineOp&) const { return out; }
    Region operator()(const BinaryOp&) const { return out; }
    Region operator()(const ConcatOp&) const { return out; }
    Region operator()(const ChannelsOp&) const { return out; }
    Region operator()(const SoftmaxOp&) const { return out; }
  };
  return std::visit(Visitor{out, h, w}, operation.what);
}

namespace {

struct AxisFit {
  int before = 0;
  bool covers = false;
};

/// Where the slice lies in an image that is larger by total, if the network's output covers it then.
AxisFit fit_axis(const Axis& out, int size, int total) {
  const int before = std::max(0, anchor(out));
  const int first = before - anchor(out);
  return {before, before <= total && first >= 0 && first + size <= out.size};
}

}  // namespace

ShapedNetwork ShapedNetwork::extended(const Network::Graph& graph, int height, int width, int rows,
                                      int columns) {
  ShapedNetwork s(graph, height + rows, width + columns);
  const AxisFit y = fit_axis(s.output().y, height, rows);
  const AxisFit x = fit_axis(s.output().x, width, columns);
  if (!y.covers || !x.covers) {
    throw SizeMisfit("the network's output does not cover a slice of " + std::to_string(height) + " x " +
                     std::to_string(width));
  }
  s.extension_ = {y.before, rows - y.before, x.before, columns - x.before};
  return s;
}

ShapedNetwork ShapedNetwork::fit(const Network::Graph& graph, int height, int width) {
  // A plain U-Net without padding of its upsampled maps takes multiples of 2^depth only; one with valid
  // convolutions makes the image smaller. Both axes are independent, so each is searched alone.
  constexpr int most_extension = 1024;
  std::string reason;
  const auto search = [&](int size, Axes axes) {
    for (int total = 0; total <= most_extension; ++total) {
      try {
        const ShapedNetwork s(graph, size + total, size + total, axes);
        if (fit_axis(axes == Axes::y ? s.output().y : s.output().x, size, total).covers) return total;
      } catch (const SizeMisfit& e) {
        if (reason.empty()) reason = e.what();
      }
    }
    if (reason.empty()) reason = "the network's output does not cover the slice";
    throw SizeMisfit(reason + " (for a slice of " + std::to_string(height) + " x " + std::to_string(width) +
                     ", however it is extended)");
  };
  try {
    return extended(graph, height, width, 0, 0);
  } catch (const SizeMisfit& e) {
    reason = e.what();
  }
  const bool fixed = graph.declared_height > 0 && graph.declared_width > 0;
  try {
    return extended(graph, height, width, search(height, Axes::y), search(width, Axes::x));
  } catch (const SizeMisfit& e) {
    if (!fixed) throw;
    if (graph.declared_height >= height && graph.declared_width >= width) {
      return extended(graph, height, width, graph.declared_height - height, graph.declared_width - width);
    }
    throw SizeMisfit(std::string(e.what()) + "; it was exported for images of " +
                     std::to_string(graph.declared_height) + " x " + std::to_string(graph.declared_width) +
                     ": export it with dynamic_axes");
  }
}

Network::Output ShapedNetwork::output_kind() const {
  for (const Operation& op : operations_) {
    if (op.output != output_) continue;
    if (std::holds_alternative<SoftmaxOp>(op.what)) return Network::Output::softmax;
    const Activation* a = nullptr;
    if (const auto* x = std::get_if<ActivationOp>(&op.what)) a = &x->activation;
    if (const auto* x = std::get_if<ConvolutionOp>(&op.what)) a = &x->activation;
    if (const auto* x = std::get_if<DeconvolutionOp>(&op.what)) a = &x->activation;
    if (const auto* x = std::get_if<NormalizeOp>(&op.what)) a = &x->activation;
    if (a != nullptr && a->kind == Activation::Kind::sigmoid) return Network::Output::sigmoid;
  }
  return Network::Output::logits;
}

int ShapedNetwork::alignment() const {
  long long grid = 1;
  for (const Feature& f : features_) {
    for (const Axis* axis : {&f.y, &f.x}) {
      const double rounded = std::round(axis->stride);
      if (rounded >= 1 && std::abs(axis->stride - rounded) < 1e-3)
        grid = std::lcm(grid, static_cast<long long>(rounded));
    }
  }
  return static_cast<int>(std::min<long long>(grid, 4096));
}

int ShapedNetwork::receptive_field_radius() const {
  // Every phase of the grid, in the middle; features far from the border need what every interior pixel
  // needs.
  const int grid = alignment();
  const int y0 = slice_height() / 2 / grid * grid;
  const int x0 = slice_width() / 2 / grid * grid;
  int radius = 0;
  for (int phase = 0; phase < grid; ++phase) {
    const Region core{
        {std::min(y0 + phase, slice_height() - 1), std::min(y0 + phase, slice_height() - 1) + 1},
        {std::min(x0 + phase, slice_width() - 1), std::min(x0 + phase, slice_width() - 1) + 1}};
    const Region in = regions(core, false).front();
    radius =
        std::max({radius, core.y.begin + extension_.top - in.y.begin, in.y.end - core.y.end - extension_.top,
                  core.x.begin + extension_.left - in.x.begin, in.x.end - core.x.end - extension_.left});
  }
  return radius;
}

Region ShapedNetwork::output_region(const Region& core) const {
  const int dy = extension_.top - anchor(output().y);
  const int dx = extension_.left - anchor(output().x);
  return {{core.y.begin + dy, core.y.end + dy}, {core.x.begin + dx, core.x.end + dx}};
}

Region ShapedNetwork::share(const Feature& feature, const Region& core) const {
  return {axis_share(feature.y, core.y, slice_height(), extension_.top, extension_.bottom),
          axis_share(feature.x, core.x, slice_width(), extension_.left, extension_.right)};
}

CountedShare ShapedNetwork::counted_share(const Feature& feature, const Region& core,
                                          const CountedArea& area) const {
  if (area.height() != slice_height() || area.width() != slice_width())
    throw std::invalid_argument("the counted area belongs to a slice of another size");
  // As in axis_share(): between two pixels counts for the first.
  const auto slice_pixel = [](const Axis& axis, int i, int before) {
    return static_cast<int>(std::floor(axis.offset + axis.stride * i - before + tolerance));
  };
  const Region part = share(feature, core);
  CountedShare result;
  if (part.empty()) return result;
  std::vector<int> columns;
  for (int x = part.x.begin; x < part.x.end; ++x)
    columns.push_back(area.block_column(slice_pixel(feature.x, x, extension_.left)));
  int before = -1;  // the block row of the pixel row before: its runs serve again
  long long in_row = 0;
  for (int y = part.y.begin; y < part.y.end; ++y) {
    const int block_row = area.block_row(slice_pixel(feature.y, y, extension_.top));
    if (block_row != before) {
      const std::uint8_t* counts = area.row(block_row);
      in_row = 0;
      result.first.push_back(static_cast<int>(result.runs.size()));
      bool open = false;
      for (int x = 0; x < part.width(); ++x) {
        const bool counted = counts[columns[static_cast<std::size_t>(x)]] != 0;
        if (counted && !open) result.runs.push_back({x, x});
        if (counted) ++result.runs.back().end, ++in_row;
        open = counted;
      }
      result.last.push_back(static_cast<int>(result.runs.size()));
      before = block_row;
    } else {
      result.first.push_back(result.first.back());
      result.last.push_back(result.last.back());
    }
    result.pixels += in_row;
  }
  return result;
}

std::vector<Region> ShapedNetwork::regions(const Region& core, bool with_shares) const {
  std::vector<Region> result(features_.size());
  result[static_cast<std::size_t>(output_)] = output_region(core);
  for (std::size_t i = operations_.size(); i-- > 0;) {
    const Operation& op = operations_[i];
    Region& out = result[static_cast<std::size_t>(op.output)];
    if (with_shares) {
      int bn = -1;
      if (const auto* x = std::get_if<ConvolutionOp>(&op.what)) bn = x->batch_norm;
      if (const auto* x = std::get_if<DeconvolutionOp>(&op.what)) bn = x->batch_norm;
      if (const auto* x = std::get_if<NormalizeOp>(&op.what)) bn = x->batch_norm;
      if (bn >= 0) out = hull(out, share(features_[static_cast<std::size_t>(op.output)], core));
    }
    if (out.empty()) continue;
    for (const int input : op.inputs) {
      Region& in = result[static_cast<std::size_t>(input)];
      in = hull(in, needed(op, features_[static_cast<std::size_t>(input)], out));
    }
  }
  return result;
}

}  // namespace fibflow::model
