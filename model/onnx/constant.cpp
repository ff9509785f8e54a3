#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "model/onnx/graph.h"

namespace fibflow::model {
namespace {

using Ints = std::vector<std::int64_t>;

// Shape arithmetic is tiny; a file that asks for more is wrong or hostile.
constexpr std::int64_t largest_computed = 1 << 22;
constexpr std::size_t most_dimensions = 8;

std::int64_t product(const Ints& dims, const Node& node) {
  if (dims.size() > most_dimensions) throw NodeError(node, "computes a constant with too many dimensions");
  std::int64_t n = 1;
  for (const std::int64_t d : dims) {
    if (d < 0 || (d > 0 && n > largest_computed / d))
      throw NodeError(node, "computes a constant of unusable size");
    n *= d;
  }
  return n;
}

/// Values in double hold every integer that a shape can be (below 2^53).
std::vector<double> values_of(const Constant& c) {
  std::vector<double> v(static_cast<std::size_t>(c.size()));
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = c.at(i);
  return v;
}

Constant make(const Node& node, Ints dims, bool integral, const std::vector<double>& values) {
  if (static_cast<std::int64_t>(values.size()) != product(dims, node))
    throw NodeError(node, "shapes do not fit");
  if (!integral) return Constant::of_floats(std::move(dims), {values.begin(), values.end()});
  Ints ints(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!(std::abs(values[i]) < 9e15)) throw NodeError(node, "an integer constant is out of range");
    ints[i] = static_cast<std::int64_t>(values[i]);
  }
  return Constant::of_ints(std::move(dims), std::move(ints));
}

std::int64_t axis_of(const Node& node, std::int64_t axis, std::size_t rank) {
  const auto r = static_cast<std::int64_t>(rank);
  if (axis < -r || axis >= r) throw NodeError(node, "its axis lies outside the tensor");
  return axis < 0 ? axis + r : axis;
}

Ints ints_of(const Node& node, const Constant* c, const char* what) {
  if (c == nullptr || !c->integral)
    throw NodeError(node, std::string("its ") + what + " is not a known integer tensor");
  return c->ints;
}

Constant elementwise(const Node& node, const Constant& a, const Constant& b, bool integral_result,
                     const std::function<double(double, double)>& f) {
  const std::size_t rank = std::max(a.dims.size(), b.dims.size());
  Ints dims(rank);
  const auto dim = [rank](const Constant& c, std::size_t i) {
    const std::size_t skip = rank - c.dims.size();
    return i < skip ? std::int64_t{1} : c.dims[i - skip];
  };
  for (std::size_t i = 0; i < rank; ++i) {
    const std::int64_t x = dim(a, i);
    const std::int64_t y = dim(b, i);
    if (x != y && x != 1 && y != 1) throw NodeError(node, "its constant operands cannot be broadcast");
    dims[i] = x == 1 ? y : x;
  }
  std::vector<double> out(static_cast<std::size_t>(product(dims, node)));
  Ints index(rank, 0);
  for (double& o : out) {
    std::size_t ia = 0;
    std::size_t ib = 0;
    for (std::size_t i = 0; i < rank; ++i) {
      ia = ia * static_cast<std::size_t>(dim(a, i)) +
           (dim(a, i) == 1 ? 0 : static_cast<std::size_t>(index[i]));
      ib = ib * static_cast<std::size_t>(dim(b, i)) +
           (dim(b, i) == 1 ? 0 : static_cast<std::size_t>(index[i]));
    }
    o = f(a.at(ia), b.at(ib));
    for (std::size_t i = rank; i-- > 0;) {
      if (++index[i] < dims[i]) break;
      index[i] = 0;
    }
  }
  return make(node, dims, integral_result, out);
}

/// Gathers along one axis: out[..., j, ...] = in[..., pick[j], ...]; picked replaces the axis in the shape.
Constant take(const Node& node, const Constant& in, std::size_t axis, const Ints& pick, const Ints& picked) {
  Ints dims(in.dims.begin(), in.dims.begin() + static_cast<std::ptrdiff_t>(axis));
  dims.insert(dims.end(), picked.begin(), picked.end());
  dims.insert(dims.end(), in.dims.begin() + static_cast<std::ptrdiff_t>(axis) + 1, in.dims.end());
  if (product(dims, node) == 0) return make(node, dims, in.integral, {});
  std::int64_t outer = 1;
  std::int64_t inner = 1;
  for (std::size_t i = 0; i < axis; ++i) outer *= in.dims[i];
  for (std::size_t i = axis + 1; i < in.dims.size(); ++i) inner *= in.dims[i];
  std::vector<double> out;
  out.reserve(static_cast<std::size_t>(product(dims, node)));
  for (std::int64_t o = 0; o < outer; ++o) {
    for (const std::int64_t p : pick) {
      for (std::int64_t k = 0; k < inner; ++k) {
        out.push_back(in.at(static_cast<std::size_t>((o * in.dims[axis] + p) * inner + k)));
      }
    }
  }
  return make(node, dims, in.integral, out);
}

Constant gather(const Node& node, const Constant& in, const Constant& indices) {
  if (in.dims.empty()) throw NodeError(node, "gathers from a scalar");
  const auto axis = static_cast<std::size_t>(axis_of(node, node.integer("axis", 0), in.dims.size()));
  Ints pick = ints_of(node, &indices, "index");
  for (std::int64_t& p : pick) {
    if (p < -in.dims[axis] || p >= in.dims[axis]) throw NodeError(node, "its index lies outside the tensor");
    if (p < 0) p += in.dims[axis];
  }
  return take(node, in, axis, pick, indices.dims);
}

Constant slice(const Node& node, const Constant& in, const std::vector<const Constant*>& inputs) {
  const auto input = [&](std::size_t i) { return i < inputs.size() ? inputs[i] : nullptr; };
  const Ints starts = ints_of(node, input(1), "start");
  const Ints ends = ints_of(node, input(2), "end");
  Ints axes(starts.size());
  std::iota(axes.begin(), axes.end(), 0);
  if (input(3) != nullptr) axes = ints_of(node, input(3), "axes");
  Ints steps(starts.size(), 1);
  if (input(4) != nullptr) steps = ints_of(node, input(4), "steps");
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size()) {
    throw NodeError(node, "its starts, ends, axes and steps differ in length");
  }
  Constant out = in;
  for (std::size_t k = 0; k < starts.size(); ++k) {
    const auto axis = static_cast<std::size_t>(axis_of(node, axes[k], out.dims.size()));
    const std::int64_t n = out.dims[axis];
    if (steps[k] == 0) throw NodeError(node, "its step is 0");
    const std::int64_t step =
        std::clamp<std::int64_t>(steps[k], -n - 1, n + 1);  // one farther goes nowhere else
    const auto wrap = [n](std::int64_t v) { return v < 0 ? v + n : v; };
    Ints pick;
    if (step > 0) {
      const std::int64_t stop = std::clamp<std::int64_t>(wrap(ends[k]), 0, n);
      for (std::int64_t i = std::clamp<std::int64_t>(wrap(starts[k]), 0, n); i < stop; i += step)
        pick.push_back(i);
    } else {
      // -1 cannot be written as an end: exporters use the smallest integer, which stays below 0 after
      // wrapping.
      const std::int64_t stop = std::clamp<std::int64_t>(wrap(std::max(ends[k], -n - 1)), -1, n - 1);
      for (std::int64_t i = std::clamp<std::int64_t>(wrap(starts[k]), -1, n - 1); i > stop; i += step)
        pick.push_back(i);
    }
    out = take(node, out, axis, pick, {static_cast<std::int64_t>(pick.size())});
  }
  return out;
}

Constant concat(const Node& node, const std::vector<const Constant*>& inputs) {
  if (inputs.empty() || inputs[0] == nullptr) throw NodeError(node, "concatenates nothing");
  const auto axis = static_cast<std::size_t>(axis_of(node, node.integer("axis", 0), inputs[0]->dims.size()));
  Ints dims = inputs[0]->dims;
  dims[axis] = 0;
  bool integral = true;
  for (const Constant* c : inputs) {
    if (c == nullptr || c->dims.size() != dims.size())
      throw NodeError(node, "its constant operands differ in rank");
    for (std::size_t i = 0; i < dims.size(); ++i) {
      if (i != axis && c->dims[i] != dims[i]) throw NodeError(node, "its constant operands differ in shape");
    }
    dims[axis] += c->dims[axis];
    integral = integral && c->integral;
  }
  // A side of 0 leaves nothing to go through, however large the others are.
  if (product(dims, node) == 0) return make(node, dims, integral, {});
  std::int64_t outer = 1;
  for (std::size_t i = 0; i < axis; ++i) outer *= dims[i];
  std::vector<double> out;
  for (std::int64_t o = 0; o < outer; ++o) {
    for (const Constant* c : inputs) {
      const std::int64_t run = outer == 0 ? 0 : c->size() / outer;
      for (std::int64_t k = 0; k < run; ++k) out.push_back(c->at(static_cast<std::size_t>(o * run + k)));
    }
  }
  return make(node, dims, integral, out);
}

Constant with_dims(const Node& node, const Constant& in, Ints dims) {
  if (product(dims, node) != in.size()) throw NodeError(node, "does not keep the number of values");
  Constant out = in;
  out.dims = std::move(dims);
  return out;
}

Constant reshape(const Node& node, const Constant& in, Ints dims) {
  std::int64_t known = 1;
  std::ptrdiff_t free = -1;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 0 && i < in.dims.size()) dims[i] = in.dims[i];
    if (dims[i] == -1) {
      if (free >= 0) throw NodeError(node, "leaves two dimensions open");
      free = static_cast<std::ptrdiff_t>(i);
    } else if (dims[i] < 0 || (dims[i] > 0 && known > largest_computed / dims[i])) {
      throw NodeError(node, "has an unusable shape");
    } else {
      known *= dims[i];
    }
  }
  if (free >= 0) {
    if (known == 0) throw NodeError(node, "cannot derive its open dimension");
    dims[static_cast<std::size_t>(free)] = in.size() / known;
  }
  return with_dims(node, in, std::move(dims));
}

Constant unsqueeze(const Node& node, const Constant& in, const Ints& axes) {
  Ints dims(in.dims.size() + axes.size(), -1);
  for (const std::int64_t axis : axes) dims[static_cast<std::size_t>(axis_of(node, axis, dims.size()))] = 1;
  std::size_t next = 0;
  for (std::int64_t& d : dims) {
    if (d == -1) {
      if (next >= in.dims.size()) throw NodeError(node, "names an axis twice");
      d = in.dims[next++];
    }
  }
  return with_dims(node, in, dims);
}

Constant squeeze(const Node& node, const Constant& in, const Ints& axes) {
  std::vector<bool> drop(in.dims.size(), axes.empty());
  for (const std::int64_t axis : axes)
    drop[static_cast<std::size_t>(axis_of(node, axis, in.dims.size()))] = true;
  Ints dims;
  for (std::size_t i = 0; i < in.dims.size(); ++i) {
    if (!drop[i] || (axes.empty() && in.dims[i] != 1)) dims.push_back(in.dims[i]);
  }
  return with_dims(node, in, dims);
}

Constant transpose(const Node& node, const Constant& in) {
  const std::size_t rank = in.dims.size();
  Ints reversed(rank);
  for (std::size_t i = 0; i < rank; ++i) reversed[i] = static_cast<std::int64_t>(rank - 1 - i);
  const Ints perm = node.integers("perm", reversed);
  Ints dims(rank);
  Ints sorted = perm;
  std::ranges::sort(sorted);
  std::ranges::reverse(reversed);
  if (sorted != reversed) throw NodeError(node, "its permutation does not fit the tensor");
  for (std::size_t i = 0; i < rank; ++i) dims[i] = in.dims[static_cast<std::size_t>(perm[i])];
  std::vector<double> out(static_cast<std::size_t>(in.size()));
  Ints index(rank, 0);
  for (double& o : out) {
    Ints source(rank);
    for (std::size_t i = 0; i < rank; ++i) source[static_cast<std::size_t>(perm[i])] = index[i];
    std::size_t at = 0;
    for (std::size_t i = 0; i < rank; ++i)
      at = at * static_cast<std::size_t>(in.dims[i]) + static_cast<std::size_t>(source[i]);
    o = in.at(at);
    for (std::size_t i = rank; i-- > 0;) {
      if (++index[i] < dims[i]) break;
      index[i] = 0;
    }
  }
  return make(node, dims, in.integral, out);
}

Constant constant_node(const Node& node) {
  for (const char* key : {"value", "value_ints", "value_floats", "value_int", "value_float"}) {
    const auto it = node.attributes.find(key);
    if (it == node.attributes.end()) continue;
    const Attribute& a = it->second;
    const std::string k = key;
    if (k == "value" && a.tensor) return *a.tensor;
    if (k == "value_ints") return Constant::of_ints({static_cast<std::int64_t>(a.ints.size())}, a.ints);
    if (k == "value_floats")
      return Constant::of_floats({static_cast<std::int64_t>(a.floats.size())}, a.floats);
    if (k == "value_int") return Constant::of_ints({}, {a.i});
    if (k == "value_float") return Constant::of_floats({}, {a.f});
  }
  throw NodeError(node, "holds no value of a type that is supported");
}

}  // namespace

std::int64_t Constant::size() const {
  return integral ? static_cast<std::int64_t>(ints.size()) : static_cast<std::int64_t>(floats.size());
}

Constant Constant::of_ints(std::vector<std::int64_t> dims, std::vector<std::int64_t> values) {
  Constant c;
  c.dims = std::move(dims);
  c.integral = true;
  c.ints = std::move(values);
  return c;
}

Constant Constant::of_floats(std::vector<std::int64_t> dims, std::vector<float> values) {
  auto owned = std::make_shared<const std::vector<float>>(std::move(values));
  Constant c;
  c.dims = std::move(dims);
  c.floats = *owned;
  c.keep = owned;
  return c;
}

Constant evaluate(const Node& node, const std::vector<const Constant*>& inputs, int opset) {
  const std::string& op = node.op;
  if (op == "Constant") return constant_node(node);
  const auto need = [&](std::size_t i) -> const Constant& {
    if (i >= inputs.size() || inputs[i] == nullptr) throw NodeError(node, "an input is missing");
    return *inputs[i];
  };
  if (op == "Identity" || op == "Dropout") return need(0);
  if (op == "Cast") {
    // 1 FLOAT, 10 FLOAT16, 11 DOUBLE are floats; 9 BOOL, 6 INT32, 7 INT64 and the other integers are
    // integers.
    const std::int64_t to = node.integer("to", 0);
    const bool to_float = to == 1 || to == 10 || to == 11;
    std::vector<double> v = values_of(need(0));
    if (!to_float)
      std::ranges::transform(v, v.begin(),
                             [to](double x) { return to == 9 ? (x != 0 ? 1.0 : 0.0) : std::trunc(x); });
    return make(node, need(0).dims, !to_float, v);
  }
  if (op == "Shape") return Constant::of_ints({static_cast<std::int64_t>(need(0).dims.size())}, need(0).dims);
  if (op == "Gather") return gather(node, need(0), need(1));
  if (op == "Slice") return slice(node, need(0), inputs);
  if (op == "Concat") return concat(node, inputs);
  if (op == "Reshape") return reshape(node, need(0), ints_of(node, &need(1), "shape"));
  if (op == "Unsqueeze") {
    return unsqueeze(node, need(0),
                     opset >= 13 ? ints_of(node, &need(1), "axes") : node.integers("axes", {}));
  }
  if (op == "Squeeze") {
    if (opset >= 13)
      return squeeze(node, need(0),
                     inputs.size() > 1 && inputs[1] != nullptr ? ints_of(node, inputs[1], "axes") : Ints{});
    return squeeze(node, need(0), node.integers("axes", {}));
  }
  if (op == "Transpose") return transpose(node, need(0));
  if (op == "ConstantOfShape") {
    const Ints dims = ints_of(node, &need(0), "shape");
    const auto it = node.attributes.find("value");
    const bool has = it != node.attributes.end() && it->second.tensor && it->second.tensor->size() == 1;
    const double value = has ? it->second.tensor->at(0) : 0;
    return make(node, dims, has && it->second.tensor->integral,
                std::vector<double>(static_cast<std::size_t>(product(dims, node)), value));
  }
  if (op == "Range") {
    for (std::size_t i = 0; i < 3; ++i) {
      if (need(i).size() != 1) throw NodeError(node, "has an unusable range");
    }
    const double start = need(0).at(0);
    const double stop = need(1).at(0);
    const double step = need(2).at(0);
    if (!(std::abs((stop - start) / step) <= largest_computed))
      throw NodeError(node, "has an unusable range");
    std::vector<double> v;
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(std::ceil((stop - start) / step)); ++i)
      v.push_back(start + static_cast<double>(i) * step);
    return make(node, {static_cast<std::int64_t>(v.size())}, need(0).integral, v);
  }
  if (op == "Expand") {
    const Ints dims = ints_of(node, &need(1), "shape");
    const Constant ones = make(node, dims, need(0).integral,
                               std::vector<double>(static_cast<std::size_t>(product(dims, node)), 0));
    return elementwise(node, need(0), ones, need(0).integral, [](double a, double) { return a; });
  }
  if (op == "ReduceProd") {
    double p = 1;
    for (const double v : values_of(need(0))) p *= v;
    return make(node, node.integer("keepdims", 1) != 0 ? Ints(need(0).dims.size(), 1) : Ints{},
                need(0).integral, {p});
  }
  if (op == "Where") {
    const Constant& c = need(0);
    const Constant a =
        elementwise(node, c, need(1), need(1).integral, [](double p, double v) { return p != 0 ? v : 0; });
    const Constant b =
        elementwise(node, c, need(2), need(2).integral, [](double p, double v) { return p != 0 ? 0 : v; });
    return elementwise(node, a, b, need(1).integral, [](double x, double y) { return x + y; });
  }

  using Unary = double (*)(double);
  static const std::map<std::string, Unary> unary = {{"Floor", [](double x) { return std::floor(x); }},
                                                     {"Ceil", [](double x) { return std::ceil(x); }},
                                                     {"Neg", [](double x) { return -x; }},
                                                     {"Abs", [](double x) { return std::abs(x); }},
                                                     {"Sqrt", [](double x) { return std::sqrt(x); }},
                                                     {"Reciprocal", [](double x) { return 1 / x; }},
                                                     {"Exp", [](double x) { return std::exp(x); }},
                                                     {"Round", [](double x) { return std::nearbyint(x); }},
                                                     {"Not", [](double x) { return x == 0 ? 1.0 : 0.0; }}};
  if (const auto it = unary.find(op); it != unary.end()) {
    std::vector<double> v = values_of(need(0));
    std::ranges::transform(v, v.begin(), it->second);
    return make(node, need(0).dims, need(0).integral, v);
  }

  const bool integral = inputs.size() >= 2 && inputs[0] != nullptr && inputs[1] != nullptr &&
                        inputs[0]->integral && inputs[1]->integral;
  using Binary = double (*)(double, double);
  static const std::map<std::string, Binary> arithmetic = {
      {"Add", [](double a, double b) { return a + b; }},
      {"Sub", [](double a, double b) { return a - b; }},
      {"Mul", [](double a, double b) { return a * b; }},
      {"Min", [](double a, double b) { return std::min(a, b); }},
      {"Max", [](double a, double b) { return std::max(a, b); }},
      {"Pow", [](double a, double b) { return std::pow(a, b); }}};
  if (const auto it = arithmetic.find(op); it != arithmetic.end()) {
    return elementwise(node, need(0), need(1), integral, it->second);
  }
  if (op == "Div" || op == "Mod") {
    if (integral && std::ranges::find(need(1).ints, 0) != need(1).ints.end())
      throw NodeError(node, "divides by 0");
    if (op == "Div") {
      return elementwise(
          node, need(0), need(1), integral,
          integral ? [](double a, double b) { return std::trunc(a / b); }
                   : [](double a, double b) { return a / b; });
    }
    return elementwise(node, need(0), need(1), integral,
                       [](double a, double b) { return a - b * std::floor(a / b); });
  }
  static const std::map<std::string, Binary> comparison = {
      {"Equal", [](double a, double b) { return a == b ? 1.0 : 0.0; }},
      {"Less", [](double a, double b) { return a < b ? 1.0 : 0.0; }},
      {"Greater", [](double a, double b) { return a > b ? 1.0 : 0.0; }},
      {"And", [](double a, double b) { return a != 0 && b != 0 ? 1.0 : 0.0; }},
      {"Or", [](double a, double b) { return a != 0 || b != 0 ? 1.0 : 0.0; }}};
  if (const auto it = comparison.find(op); it != comparison.end())
    return elementwise(node, need(0), need(1), true, it->second);

  throw NodeError(node, "this operator is not supported on constants");
}

}  // namespace fibflow::model
