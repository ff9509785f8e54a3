#include <algorithm>
#include <cmath>

#include "model/operators/lowering.h"

// The layers that look at a window of their input, or lay one on their output: convolutions, pooling, resizing.

namespace fibflow::model {

Window Lowering::window(const Node& node, int axis, std::int64_t kernel, int size) {
  const auto k = static_cast<std::size_t>(axis);
  const Ints strides = node.integers("strides", {1, 1});
  const Ints dilations = node.integers("dilations", {1, 1});
  Ints pads = node.integers("pads", {0, 0, 0, 0});
  if (strides.size() != 2 || dilations.size() != 2 || pads.size() != 4)
    throw NodeError(node, "is not two-dimensional");
  Window w;
  w.kernel = small(node, kernel, 1, 1024, "kernel size");
  w.stride = small(node, strides[k], 1, 1024, "stride");
  w.dilation = small(node, dilations[k], 1, 1024, "dilation");
  w.pad_begin = small(node, pads[k], 0, 65536, "padding");
  w.pad_end = small(node, pads[k + 2], 0, 65536, "padding");
  const std::string mode = node.text("auto_pad", "NOTSET");
  if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
    if (node.op == "ConvTranspose") throw NodeError(node, "auto_pad is not supported here");
    const int total = std::max(0, ((size + w.stride - 1) / w.stride - 1) * w.stride + w.span() - size);
    w.pad_begin = mode == "SAME_UPPER" ? total / 2 : total - total / 2;
    w.pad_end = total - w.pad_begin;
  } else if (mode == "VALID") {
    w.pad_begin = w.pad_end = 0;
  } else if (mode != "NOTSET") {
    throw NodeError(node, "auto_pad '" + mode + "' is not supported");
  }
  return w;
}

Axis Lowering::slid(const Axis& in, const Window& w, int size) {
  return {size, in.stride * w.stride, in.offset + in.stride * ((w.span() - 1) / 2.0 - w.pad_begin)};
}

Constant Lowering::weights(const Node& node) {
  const Constant* w = constant_input(node, 1);
  if (w == nullptr) throw NodeError(node, "its weights are not in the file");
  if (w->integral || w->dims.size() != 4)
    throw NodeError(node, "its weights are not [out, in, y, x] in float32");
  const Ints kernel = node.integers("kernel_shape", {w->dims[2], w->dims[3]});
  if (kernel.size() != 2 || kernel[0] != w->dims[2] || kernel[1] != w->dims[3])
    throw NodeError(node, "its kernel_shape differs from its weights");
  for (const std::int64_t d : w->dims) small(node, d, 1, most_channels, "weight shape");
  return *w;
}

std::vector<float> Lowering::bias(const Node& node, int channels) {
  if (!node.has_input(2)) return {};
  const Constant* b = constant_input(node, 2);
  if (b == nullptr || b->integral || b->size() != channels)
    throw NodeError(node, "its bias does not have " + std::to_string(channels) + " values");
  return {b->floats.begin(), b->floats.end()};
}

void Lowering::conv(const Node& node) {
  const Feature& in = feature(node, 0);
  ConvolutionOp op;
  op.weights = weights(node);
  op.groups = small(node, node.integer("group", 1), 1, most_channels, "group");
  const Ints& d = op.weights.dims;
  if (d[1] * op.groups != in.channels || d[0] % op.groups != 0) {
    throw NodeError(node, "its weights take " + std::to_string(d[1] * op.groups) +
                              " channels, but its input '" + in.name + "' has " +
                              std::to_string(in.channels));
  }
  op.bias = bias(node, static_cast<int>(d[0]));
  op.y = window(node, 0, d[2], in.y.size);
  op.x = window(node, 1, d[3], in.x.size);
  Feature out;
  out.channels = static_cast<int>(d[0]);
  const auto size = [&](const Axis& a, const Window& w) {
    const int room = a.size + w.pad_begin + w.pad_end - w.span();
    if (room < 0) throw SizeMisfit(node, "its kernel is larger than its input");
    return slid(a, w, room / w.stride + 1);
  };
  out.y = size(in.y, op.y);
  out.x = size(in.x, op.x);
  add(node, {feature_index(node, 0)}, out, std::move(op));
}

void Lowering::conv_transpose(const Node& node) {
  const Feature& in = feature(node, 0);
  DeconvolutionOp op;
  op.weights = weights(node);
  op.groups = small(node, node.integer("group", 1), 1, most_channels, "group");
  const Ints& d = op.weights.dims;
  if (d[0] != in.channels || d[0] % op.groups != 0) {
    throw NodeError(node, "its weights take " + std::to_string(d[0]) + " channels, but its input '" +
                              in.name + "' has " + std::to_string(in.channels));
  }
  if (node.attributes.contains("output_shape")) throw NodeError(node, "output_shape is not supported");
  const auto channels = small(node, d[1] * op.groups, 1, most_channels, "number of channels");
  op.bias = bias(node, channels);
  op.y = window(node, 0, d[2], in.y.size);
  op.x = window(node, 1, d[3], in.x.size);
  const Ints extra = node.integers("output_padding", {0, 0});
  if (extra.size() != 2) throw NodeError(node, "is not two-dimensional");
  Feature out;
  out.channels = channels;
  const auto size = [&](const Axis& a, const Window& w, std::int64_t more) {
    small(node, more, 0, std::max(w.stride, w.dilation) - 1, "output padding");
    const int n = (a.size - 1) * w.stride - w.pad_begin - w.pad_end + w.span() + static_cast<int>(more);
    const double step = a.stride / w.stride;
    return Axis{n, step, a.offset + step * (w.pad_begin - (w.span() - 1) / 2.0)};
  };
  out.y = size(in.y, op.y, extra[0]);
  out.x = size(in.x, op.x, extra[1]);
  fill_gaps(op, static_cast<int>(extra[0]), static_cast<int>(extra[1]));
  add(node, {feature_index(node, 0)}, out, std::move(op));
}

void Lowering::fill_gaps(DeconvolutionOp& op, int more_y, int more_x) {
  const auto longer = [](const Window& w, int more) {
    const int beyond = std::max({0, more - w.pad_end, w.stride - w.span()});
    return (beyond + w.dilation - 1) / w.dilation;
  };
  const int zeros_y = longer(op.y, more_y);
  const int zeros_x = longer(op.x, more_x);
  if (zeros_y == 0 && zeros_x == 0) return;
  const Constant& old = op.weights;
  const auto ky = static_cast<std::size_t>(op.y.kernel);
  const auto kx = static_cast<std::size_t>(op.x.kernel);
  op.y.kernel += zeros_y;
  op.x.kernel += zeros_x;
  const auto new_y = static_cast<std::size_t>(op.y.kernel);
  const auto new_x = static_cast<std::size_t>(op.x.kernel);
  const auto maps = static_cast<std::size_t>(old.dims[0] * old.dims[1]);
  std::vector<float> values(maps * new_y * new_x, 0.0F);
  for (std::size_t m = 0; m < maps; ++m) {
    for (std::size_t y = 0; y < ky; ++y) {
      for (std::size_t x = 0; x < kx; ++x)
        values[(m * new_y + y) * new_x + x] = old.floats[(m * ky + y) * kx + x];
    }
  }
  op.weights = Constant::of_floats({old.dims[0], old.dims[1], op.y.kernel, op.x.kernel}, std::move(values));
}

void Lowering::pool(const Node& node) {
  const Feature& in = feature(node, 0);
  if (node.outputs.size() > 1 && !node.outputs[1].empty())
    throw NodeError(node, "its indices are not supported");
  const Ints kernel = node.integers("kernel_shape", {});
  if (kernel.size() != 2) throw NodeError(node, "is not two-dimensional");
  PoolOp op;
  op.maximum = node.op == "MaxPool";
  op.count_padding = node.integer("count_include_pad", 0) != 0;
  op.y = window(node, 0, kernel[0], in.y.size);
  op.x = window(node, 1, kernel[1], in.x.size);
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
  out.y = size(in.y, op.y);
  out.x = size(in.x, op.x);
  add(node, {feature_index(node, 0)}, out, op);
}

void Lowering::resize(const Node& node) {
  const Feature& in = feature(node, 0);
  const bool upsample = node.op == "Upsample";
  const std::string mode = node.text("mode", "nearest");
  if (mode != "nearest" && mode != "linear")
    throw NodeError(node, "its mode '" + mode + "' is not supported; nearest and linear are");
  const Constant* scales = constant_input(node, upsample ? 1 : 2);
  const Constant* sizes = upsample ? nullptr : constant_input(node, 3);
  const bool by_size = sizes != nullptr && sizes->size() > 0;
  if (by_size ? !sizes->integral || sizes->size() != 4
              : scales == nullptr || scales->integral || scales->size() != 4) {
    throw NodeError(node, "its sizes or scales are not four known numbers");
  }
  const double channel_change = by_size ? static_cast<double>(sizes->ints[1]) / in.channels : scales->at(1);
  if (channel_change != 1) throw NodeError(node, "it resizes the channels");
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
    if (by_size) {
      r.out = small(node, sizes->ints[static_cast<std::size_t>(i)], 1, largest_side, "size");
      r.scale = static_cast<double>(r.out) / r.in;
    } else {
      r.scale = scales->at(static_cast<std::size_t>(i));
      if (!(r.scale > 0 && r.scale < 1024)) throw NodeError(node, "its scale is not usable");
      r.out = small(node, static_cast<std::int64_t>(std::floor(a.size * r.scale)), 0, largest_side, "size");
    }
    const bool corners = r.coordinates == Coordinates::align_corners && r.out > 1;
    const double step = corners ? static_cast<double>(r.in - 1) / (r.out - 1) : 1 / r.scale;
    const double first =
        corners ? 0 : 0.5 / r.scale - 0.5;  // pixels as areas, also where nearest takes a corner
    out = {r.out, a.stride * step, a.offset + a.stride * first};
    return r;
  };
  Feature out = in;
  ResizeOp op;
  op.y = axis(2, in.y, out.y);
  op.x = axis(3, in.x, out.x);
  add(node, {feature_index(node, 0)}, out, op);
}

}  // namespace fibflow::model
