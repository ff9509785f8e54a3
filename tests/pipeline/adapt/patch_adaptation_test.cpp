#include "pipeline/adapt/patch_adaptation.h"

#include <gtest/gtest.h>

#include "pipeline/flow/pipeline_error.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow::pipeline {
namespace {

constexpr std::size_t gibibyte = std::size_t{1} << 30;

/// The estimator's state after the first pass over a stack.
model::Estimator::State adapted(int threads, std::size_t memory, NormalizeBy by, int height = 300,
                                int width = 560) {
  auto stack = testing::textured_stack(5, height, width);
  const model::Network network = testing::small_network();
  model::Estimator estimator({}, network.source_statistics());
  const nodes::Normalizer normalizer({}, nodes::IntensityRange::of(io::PixelType::u8));
  const RunHooks hooks;
  RunContext run(hooks, false);
  ThreadTeam team(threads);
  adapt_over_patches(stack, {0, 5}, normalizer, network, {by, 0.25, memory}, estimator, team, run);
  return estimator.state();
}

TEST(PatchAdaptationTest, EachPixelOfTheStackCountsOnce) {
  const auto state = adapted(2, gibibyte, NormalizeBy::batch);
  EXPECT_EQ(state.pool.layers.front().count, 5 * 300 * 560);
}

TEST(PatchAdaptationTest, TakesBatchesOfEightAndWhatIsLeft) {
  const auto state = adapted(2, gibibyte, NormalizeBy::batch);  // 1 x 2 patches of each of 5 slices
  EXPECT_EQ(state.images, 10);
  EXPECT_EQ(state.batches, 2);
}

TEST(PatchAdaptationTest, MemoryAndThreadsChangeNoBit) {
  for (const auto by : {NormalizeBy::batch, NormalizeBy::running}) {
    const auto expected = adapted(1, gibibyte, by);
    EXPECT_EQ(adapted(3, gibibyte, by), expected);
    const auto stack = testing::textured_stack(5, 300, 560);
    const PatchMemory memory = patch_memory(testing::small_network(), stack.info(), 5);
    EXPECT_EQ(adapted(3, memory.smallest(), by), expected) << "with one worker";
    EXPECT_EQ(adapted(3, memory.fixed + 3 * memory.worker, by), expected) << "with three workers";
    EXPECT_THROW(adapted(3, memory.smallest() - 1, by), BudgetTooSmall);
  }
}

TEST(PatchAdaptationTest, PatchesOfEverySizeAreMeasured) {
  const auto state = adapted(2, gibibyte, NormalizeBy::batch, 523, 401);  // four different sizes
  EXPECT_EQ(state.pool.layers.front().count, 5 * 523 * 401);
}

}  // namespace
}  // namespace fibflow::pipeline
