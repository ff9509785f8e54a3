#include "model/onnx/output_values.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string_view>
#include <vector>

namespace fibflow::model {
namespace {

constexpr double unbounded = std::numeric_limits<double>::infinity();

struct Bounds {
  double low = -unbounded;
  double high = unbounded;
  bool adds_up_to_one = false;

  bool is_known() const { return std::isfinite(low) || std::isfinite(high); }
};

/// What nothing is known of is no number: 0 times infinity, say.
Bounds bounds_of(std::initializer_list<double> ends) {
  for (const double end : ends) {
    if (std::isnan(end)) return {};
  }
  return {std::min(ends), std::max(ends)};
}

Bounds hull(const Bounds& a, const Bounds& b) {
  return {std::min(a.low, b.low), std::max(a.high, b.high)};
}

class Follower {
 public:
  explicit Follower(const Graph& graph) : graph_(graph) {}

  OutputValues follow() {
    for (const Node& node : graph_.nodes) {
      const Bounds bounds = bounds_of_node(node);
      for (const std::string& output : node.outputs) bounds_[output] = bounds;
    }
    const Bounds bounds = of(graph_.output);
    OutputValues values{bounds.low, bounds.high, bounds.adds_up_to_one, {}, {}};
    std::string name = graph_.output;
    while (const Node* node = maker_of(name)) {
      if (values.made_by.empty()) values.made_by = node->label();
      const Bounds before = of(name);
      if (!values.is_probability() && before.low >= 0 && before.high <= 1) {
        values.probability_before = name;
        break;
      }
      // Along the first input that is a map.
      const auto input = std::ranges::find_if(
          node->inputs, [&](const std::string& i) { return !i.empty() && maker_of(i) != nullptr; });
      if (input == node->inputs.end() || !of(name).is_known()) break;
      name = *input;
    }
    return values;
  }

 private:
  const Node* maker_of(const std::string& name) const {
    const auto found = std::ranges::find_if(graph_.nodes, [&](const Node& node) {
      return std::ranges::find(node.outputs, name) != node.outputs.end();
    });
    return found == graph_.nodes.end() ? nullptr : &*found;
  }

  const Constant* constant(const Node& node, std::size_t i) const {
    if (!node.has_input(i)) return nullptr;
    const auto found = graph_.constants.find(node.inputs[i]);
    return found == graph_.constants.end() || found->second.size() == 0 ? nullptr : &found->second;
  }

  Bounds of(const std::string& name) const {
    if (const auto found = bounds_.find(name); found != bounds_.end()) return found->second;
    const auto constant = graph_.constants.find(name);
    if (constant == graph_.constants.end() || constant->second.size() == 0) return {};
    Bounds bounds{unbounded, -unbounded};
    for (std::int64_t i = 0; i < constant->second.size(); ++i) {
      const double value = constant->second.at(static_cast<std::size_t>(i));
      bounds.low = std::min(bounds.low, value);
      bounds.high = std::max(bounds.high, value);
    }
    return bounds;
  }
  Bounds input(const Node& node, std::size_t i) const {
    return node.has_input(i) ? of(node.inputs[i]) : Bounds{};
  }

  Bounds bounds_of_node(const Node& node) const {
    const std::string_view op = node.op;
    const Bounds in = input(node, 0);
    if (op == "Sigmoid" || op == "HardSigmoid") return {0, 1};
    if (op == "Softmax") return {0, 1, true};
    if (op == "Tanh") return {-1, 1};
    if (op == "Relu") return {std::max(in.low, 0.0), std::max(in.high, 0.0)};
    if (op == "Elu")
      return {std::max(in.low, -std::abs(static_cast<double>(node.real("alpha", 1)))), in.high};
    if (op == "Clip") return clipped(node, in);
    if (op == "Neg") return {-in.high, -in.low};
    if (op == "Add") return bounds_of({in.low + input(node, 1).low, in.high + input(node, 1).high});
    if (op == "Sub") return bounds_of({in.low - input(node, 1).high, in.high - input(node, 1).low});
    if (op == "Mul") return product(in, input(node, 1));
    if (op == "Div") return quotient(in, input(node, 1));
    if (op == "Concat") return of_all(node);
    if (op == "Pad") return padded(node, in);
    if (op == "AveragePool") return node.integer("count_include_pad", 0) != 0 ? hull(in, {0, 0}) : in;
    if (op == "Slice" || op == "Split") return {in.low, in.high};
    if (op == "Resize" || op == "Upsample") return node.text("mode", "nearest") == "cubic" ? Bounds{} : in;
    constexpr std::array kept{"Identity", "Dropout", "Cast",    "Transpose", "MaxPool",
                              "Expand",   "Reshape", "Squeeze", "Unsqueeze"};
    return std::ranges::find(kept, op) == kept.end() ? Bounds{} : in;
  }

  Bounds clipped(const Node& node, const Bounds& in) const {
    // An empty bound is none; one that is not known is taken for none.
    const Constant* low = constant(node, 1);
    const Constant* high = constant(node, 2);
    const double least = low != nullptr ? low->at(0) : -unbounded;
    const double most = high != nullptr ? high->at(0) : unbounded;
    return {std::clamp(in.low, std::min(least, most), most),
            std::clamp(in.high, std::min(least, most), most)};
  }

  static Bounds product(const Bounds& a, const Bounds& b) {
    return bounds_of({a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high});
  }

  static Bounds quotient(const Bounds& a, const Bounds& b) {
    if (b.low <= 0 && b.high >= 0) return {};
    return product(a, {1 / b.high, 1 / b.low});
  }

  Bounds of_all(const Node& node) const {
    Bounds all = input(node, 0);
    for (std::size_t i = 1; i < node.inputs.size(); ++i) all = hull(all, input(node, i));
    return {all.low, all.high};
  }

  Bounds padded(const Node& node, const Bounds& in) const {
    if (node.text("mode", "constant") != "constant") return in;
    const Constant* value = constant(node, 2);
    const double filled = value != nullptr ? value->at(0) : 0;
    return hull(in, {filled, filled});
  }

  const Graph& graph_;
  std::map<std::string, Bounds> bounds_;
};

}  // namespace

bool OutputValues::is_probability() const {
  // 1 - x, and means of several, are a little beyond by rounding.
  constexpr double rounding = 1e-3;
  return lowest >= -rounding && highest <= 1 + rounding;
}

OutputValues output_values(const Graph& graph) {
  return Follower(graph).follow();
}

}  // namespace fibflow::model
