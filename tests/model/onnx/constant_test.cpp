// What a file asks to be computed before any pixel is seen, where it asks for what makes no sense.

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "model/onnx/graph.h"

namespace fibflow::model {
namespace {

using Ints = std::vector<std::int64_t>;

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();

Constant ints(Ints values) {
  const auto size = static_cast<std::int64_t>(values.size());
  return Constant::of_ints({size}, std::move(values));
}

Node node(const std::string& op, const std::string& attribute = "", const Ints& values = {}) {
  Node n{"n", op, {}, {"out"}, {}};
  if (!attribute.empty()) n.attributes[attribute].ints = values;
  return n;
}

Constant computed(const Node& n, const std::vector<Constant>& inputs) {
  std::vector<const Constant*> operands;
  for (const Constant& input : inputs) operands.push_back(&input);
  return evaluate(n, operands, 13);
}

TEST(ConstantTest, TransposeTakesEachAxisOnceAndCountsFromTheFirst) {
  const Constant matrix = Constant::of_ints({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(computed(node("Transpose", "perm", {1, 0}), {matrix}).ints, (Ints{1, 4, 2, 5, 3, 6}));
  for (const Ints& perm : {Ints{-1, 0}, Ints{0, 0}, Ints{0, 2}, Ints{0}}) {
    EXPECT_THROW(computed(node("Transpose", "perm", perm), {matrix}), NodeError) << perm.front();
  }
}

TEST(ConstantTest, ARangeBetweenNothingIsRefused) {
  EXPECT_EQ(computed(node("Range"), {ints({1}), ints({7}), ints({3})}).ints, (Ints{1, 4}));
  EXPECT_THROW(computed(node("Range"), {ints({}), ints({7}), ints({3})}), NodeError);
  EXPECT_THROW(computed(node("Range"), {ints({1}), ints({}), ints({3})}), NodeError);
  EXPECT_THROW(computed(node("Range"), {ints({1}), ints({7}), ints({})}), NodeError);
}

TEST(ConstantTest, ASliceWithAStepBeyondTheTensorTakesOneValue) {
  const auto sliced = [](std::int64_t start, std::int64_t end, std::int64_t step) {
    return computed(node("Slice"), {ints({10, 11, 12}), ints({start}), ints({end}), ints({0}), ints({step})})
        .ints;
  };
  EXPECT_EQ(sliced(1, largest, largest), Ints{11});
  EXPECT_EQ(sliced(1, -largest, -largest - 1), Ints{11});
  EXPECT_EQ(sliced(0, largest, 2), (Ints{10, 12}));
}

}  // namespace
}  // namespace fibflow::model
