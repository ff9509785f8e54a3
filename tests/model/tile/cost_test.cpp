// What planning promises is what a tile takes, for every network of the fixtures; CMakeLists.txt runs it once more for
// each instruction set, as each has other convolutions.

#include <gtest/gtest.h>

#include "tests/fixtures/exact_cases.h"

namespace fibflow::model {
namespace {

class CostTest : public testing::TestWithParam<Case> {};

TEST_P(CostTest, CostEqualsWhatThePlanTakes) {
  const Inference inference = inference_for(GetParam());
  for (const PlanKind kind : {PlanKind::frozen, PlanKind::measured}) {
    for (const int side : {16, 32, 64, 86}) {
      const Region core{{0, std::min(side, inference.height())}, {0, std::min(side, inference.width())}};
      const auto plan = inference.plan(core, kind);
      const Inference::Cost cost = inference.cost(core, kind);
      EXPECT_EQ(cost.workspace_bytes, plan->workspace_bytes()) << GetParam().name << ", cores of " << side;
      EXPECT_EQ(cost.multiply_adds, plan->multiply_adds()) << GetParam().name;
      Workspace workspace;
      plan->input(workspace);
      EXPECT_GE(workspace.size(), cost.workspace_bytes);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Idioms, CostTest, testing::ValuesIn(exact_cases()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace fibflow::model
