#include "model/tile/shaped_network.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

namespace fibflow::model {
namespace {

constexpr double tolerance = 1e-6;

/// The image position that an axis's first pixel stands for; half-way (even kernels) counts for the pixel
/// before.
int anchor(const Axis& axis) {
  return static_cast<int>(std::ceil(axis.offset - 0.5 - tolerance));
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

ShapedNetwork::ShapedNetwork(const Graph& graph, int height, int width, Axes axes)
    : lowered_(Lowering::lower(graph, height, width, axes)) {}

ShapedNetwork ShapedNetwork::extended(const Graph& graph, int height, int width, int rows, int columns) {
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

ShapedNetwork ShapedNetwork::fit(const Graph& graph, int height, int width) {
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

const Operation* ShapedNetwork::operation_of_batch_norm(int b) const {
  const int index = lowered_.batch_norm_operation[static_cast<std::size_t>(b)];
  return index < 0 ? nullptr : operations()[static_cast<std::size_t>(index)].get();
}

int ShapedNetwork::alignment() const {
  long long grid = 1;
  for (const Feature& f : features()) {
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
  std::vector<Region> result(features().size());
  result[static_cast<std::size_t>(lowered_.output)] = output_region(core);
  for (std::size_t i = operations().size(); i-- > 0;) {
    const Operation& op = *operations()[i];
    Region& out = result[static_cast<std::size_t>(op.output)];
    if (with_shares && op.batch_norm() >= 0)
      out = hull(out, share(features()[static_cast<std::size_t>(op.output)], core));
    if (out.empty()) continue;
    for (const int input : op.inputs) {
      Region& in = result[static_cast<std::size_t>(input)];
      in = hull(in, op.needed(features()[static_cast<std::size_t>(input)], out));
    }
  }
  return result;
}

TileSpec ShapedNetwork::plan(const Region& core, PlanKind kind) const {
  return TilePlanner::plan({features(), operations(), regions(core, kind == PlanKind::measured),
                            lowered_.output, output_region(core), kind,
                            [&](const Feature& feature) { return share(feature, core); }});
}

}  // namespace fibflow::model
