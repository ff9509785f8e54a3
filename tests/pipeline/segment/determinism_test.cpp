// The output and the adapted statistics are the same bits for any number of threads, however they are scheduled.
#include <gtest/gtest.h>

#include <string>

#include "pipeline/segment/run.h"
#include "tests/fixtures/jitter.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow::pipeline {
namespace {

struct Case {
  std::string name;
  AdaptationOptions adaptation;
  int tile = 32;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

Case with(std::string name, Recipe recipe, std::string rule, std::optional<int> every = {},
          Freeze freeze = Freeze::never, int tile = 32, NormalizeBy by = NormalizeBy::batch) {
  Case c{std::move(name), {}, tile};
  c.adaptation.recipe = recipe;
  c.adaptation.estimator.rule = rule;
  c.adaptation.normalize_by = by;
  c.adaptation.freeze = freeze;
  c.adaptation.measure_every = every;
  c.adaptation.renewal = 0;
  return c;
}

const Case cases[] = {
    with("none", Recipe::none, "pooled"),
    with("stream_ema", Recipe::stream, "ema", 1),
    with("stream_pooled", Recipe::stream, "pooled", 2),
    with("stream_prior", Recipe::stream, "prior", 3),
    with("stream_ubna", Recipe::stream, "ubna", 1),
    with("stream_planned", Recipe::stream, "pooled"),
    with("stream_whole_slices", Recipe::stream, "pooled", 1, Freeze::never, 1000),
    with("stream_frozen_after_probe", Recipe::stream, "pooled", {}, Freeze::probe),
    with("two_pass_batch", Recipe::two_pass, "pooled"),
    with("two_pass_running", Recipe::two_pass, "ema", {}, Freeze::never, 32, NormalizeBy::running),
};

/// What must be the same.
struct Result {
  std::string masks;
  std::string probabilities;
  model::Statistics statistics;
};

Result run(const Case& c, int threads, std::uint64_t seed) {
  const testing::TemporaryFolder folder;
  auto stack = testing::textured_stack(10, 72, 104);
  OutputOptions output;
  output.mask = folder / "masks.tif";
  output.probability = folder / "probabilities.tif";
  output.probability_type = io::PixelType::f32;
  ResourceOptions resources;
  resources.threads = threads;
  resources.tile = c.tile;
  RunHooks hooks;
  if (seed != 0) hooks.node_call = testing::jitter(seed);
  const Outcome outcome =
      segment(stack, testing::small_network(), {}, c.adaptation, output, resources, hooks);
  return {testing::bytes_of(output.mask), testing::bytes_of(output.probability), outcome.statistics};
}

class DeterminismTest : public ::testing::TestWithParam<Case> {};

TEST_P(DeterminismTest, SameBytesForAnyNumberOfThreadsWithJitterInEveryNode) {
  const Result expected = run(GetParam(), 1, 0);
  ASSERT_FALSE(expected.masks.empty());
  std::uint64_t seed = 0;
  for (const int threads : {1, 2, 3, 8, 2, 3, 8}) {
    const Result result = run(GetParam(), threads, ++seed);
    EXPECT_TRUE(result.masks == expected.masks) << threads << " threads, seed " << seed;
    EXPECT_TRUE(result.probabilities == expected.probabilities) << threads << " threads, seed " << seed;
    EXPECT_EQ(result.statistics, expected.statistics) << threads << " threads, seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Recipes, DeterminismTest, ::testing::ValuesIn(cases),
                         [](const auto& c) { return c.param.name; });

}  // namespace
}  // namespace fibflow::pipeline
