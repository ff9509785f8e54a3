#include "model/operators/any_size.h"

#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "model/operators/lowering.h"

namespace fibflow::model {
namespace {

using Ints = Lowering::Ints;

bool grown_by(const Axis& axis, const Axis& declared, int pixels) {
  constexpr double tolerance = 1e-6;
  return std::abs(axis.stride - declared.stride) < tolerance &&
         std::abs(axis.offset - declared.offset) < tolerance &&
         std::abs((axis.size - declared.size) * declared.stride - pixels) < tolerance;
}

/// Whether in larger images every map grows with the image and stays where it is.
bool takes_larger_images(const Graph& graph, const NamedValues& declared) {
  constexpr int coarsest_grid = 64;
  for (const int more : {coarsest_grid, 5 * coarsest_grid}) {
    try {
      const NamedValues larger =
          Lowering::named_values(graph, graph.declared_height + more, graph.declared_width + more);
      for (const auto& [name, map] : declared.maps) {
        const Feature& grown = larger.maps.at(name);
        if (!grown_by(grown.y, map.y, more) || !grown_by(grown.x, map.x, more)) return false;
      }
    } catch (const ModelError&) {
      return false;
    }
  }
  return true;
}

/// Writes what a graph computes for its declared size into its nodes.
class Fixing {
 public:
  Fixing(Graph& graph, const NamedValues& declared) : graph_(graph), declared_(declared) {}

  void fix(Node& node) {
    const auto in = declared_.maps.find(node.inputs.empty() ? std::string() : node.inputs[0]);
    if (in == declared_.maps.end()) return;
    if (node.op == "Slice") fix_slice(node, in->second);
    if (node.op == "Resize") fix_resize(node, in->second);
    if (node.op == "Pad") {
      if (const Constant* pads = number(node, 1)) replace(node, 1, *pads);
    }
  }

 private:
  /// An integer tensor that a node reads; nullptr if it reads none there.
  const Constant* number(const Node& node, std::size_t i) const {
    if (!node.has_input(i)) return nullptr;
    for (const auto* values : {&declared_.computed, &std::as_const(graph_.constants)}) {
      if (const auto it = values->find(node.inputs[i]); it != values->end())
        return it->second.integral ? &it->second : nullptr;
    }
    return nullptr;
  }

  void replace(Node& node, std::size_t i, Constant value) {
    std::string name = node.outputs.at(0) + " for any size, input " + std::to_string(i);
    graph_.constants.insert_or_assign(name, std::move(value));
    node.inputs.at(i) = std::move(name);
  }

  /// Where a crop ends becomes how far from the border it ends.
  void fix_slice(Node& node, const Feature& in) {
    const Constant* starts = number(node, 1);
    const Constant* ends = number(node, 2);
    if (starts == nullptr || ends == nullptr) return;
    Constant margins = *ends;
    Ints axes(margins.ints.size());
    std::iota(axes.begin(), axes.end(), 0);
    if (const Constant* named = number(node, 3)) axes = named->ints;
    if (axes.size() != margins.ints.size()) return;
    for (std::size_t i = 0; i < axes.size(); ++i) {
      const std::int64_t axis = axes[i] < 0 ? axes[i] + 4 : axes[i];
      std::int64_t& end = margins.ints[i];
      if ((axis != 2 && axis != 3) || end <= 0) continue;
      const std::int64_t size = axis == 2 ? in.y.size : in.x.size;
      end = end < size ? end - size : std::numeric_limits<std::int64_t>::max();
    }
    replace(node, 1, *starts);
    replace(node, 2, std::move(margins));
  }

  /// The size that a map is given becomes a factor, if it is a whole one.
  void fix_resize(Node& node, const Feature& in) {
    const Constant* sizes = number(node, 3);
    const Ints axes = node.integers("axes", {0, 1, 2, 3});
    if (sizes == nullptr || axes.size() != sizes->ints.size()) return;
    std::vector<float> factors;
    for (std::size_t i = 0; i < axes.size(); ++i) {
      const std::array<std::int64_t, 4> now{1, in.channels, in.y.size, in.x.size};
      const std::int64_t axis = axes[i] < 0 ? axes[i] + 4 : axes[i];
      if (axis < 0 || axis > 3) return;
      const std::int64_t from = now.at(static_cast<std::size_t>(axis));
      const std::int64_t to = sizes->ints[i];
      if (to <= 0 || (to % from != 0 && from % to != 0)) return;
      factors.push_back(static_cast<float>(static_cast<double>(to) / static_cast<double>(from)));
    }
    node.inputs.resize(3);
    replace(node, 2, Constant::of_floats(sizes->dims, std::move(factors)));
  }

  Graph& graph_;
  const NamedValues& declared_;
};

}  // namespace

void accept_any_size(Graph& graph) {
  if (graph.declared_height <= 0 || graph.declared_width <= 0) return;
  NamedValues declared;
  try {
    declared = Lowering::named_values(graph, graph.declared_height, graph.declared_width);
  } catch (const ModelError&) {
    return;  // who runs it is told
  }
  if (takes_larger_images(graph, declared)) return;
  Graph fixed = graph;
  Fixing fixing(fixed, declared);
  for (Node& node : fixed.nodes) fixing.fix(node);
  if (takes_larger_images(fixed, declared)) graph = std::move(fixed);
}

}  // namespace fibflow::model
