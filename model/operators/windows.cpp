#include "model/operators/windows.h"

#include <algorithm>

#include "model/operators/lowering.h"

namespace fibflow::model {

Window read_window(const Node& node, int axis, std::int64_t kernel, int size) {
  const auto k = static_cast<std::size_t>(axis);
  const std::vector<std::int64_t> strides = node.integers("strides", {1, 1});
  const std::vector<std::int64_t> dilations = node.integers("dilations", {1, 1});
  const std::vector<std::int64_t> pads = node.integers("pads", {0, 0, 0, 0});
  if (strides.size() != 2 || dilations.size() != 2 || pads.size() != 4)
    throw NodeError(node, "is not two-dimensional");
  Window w;
  w.kernel = checked_int(node, kernel, 1, 1024, "kernel size");
  w.stride = checked_int(node, strides[k], 1, 1024, "stride");
  w.dilation = checked_int(node, dilations[k], 1, 1024, "dilation");
  w.pad_begin = checked_int(node, pads[k], 0, 65536, "padding");
  w.pad_end = checked_int(node, pads[k + 2], 0, 65536, "padding");
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

Axis slid(const Axis& in, const Window& w, int size) {
  return {size, in.stride * w.stride, in.offset + in.stride * ((w.span() - 1) / 2.0 - w.pad_begin)};
}

Interval window_input(const Window& w, Interval out, int size) {
  const Interval full{out.begin * w.stride - w.pad_begin, (out.end - 1) * w.stride - w.pad_begin + w.span()};
  return intersection(full, {0, size});
}

}  // namespace fibflow::model
