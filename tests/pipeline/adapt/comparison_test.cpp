#include "pipeline/adapt/comparison.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "io/formats/formats.h"
#include "pipeline/adapt/plan.h"
#include "pipeline/flow/memory_budget.h"
#include "pipeline/segment/run.h"
#include "tests/fixtures/pixel_network.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow::pipeline {
namespace {

using testing::pixel_network;
using testing::striped_stack;

constexpr std::size_t gibibyte = std::size_t{1} << 30;

model::Statistics statistics_of(const model::Network& network, float mean, float deviation) {
  model::Statistics statistics = network.source_statistics();
  statistics.layers[0].mean = {mean};
  statistics.layers[0].variance = {deviation * deviation};
  return statistics;
}

/// A comparison that is run by hand.
struct Bench {
  Bench(io::Stack& images, const model::Network& net, ComparisonPlan plan, bool previews = false,
        int threads = 1, double threshold = 0.5)
      : stack(images),
        inference(net, images.info().height, images.info().width),
        normalizer(nodes::Normalization{}, nodes::IntensityRange::of(images.info().type)),
        comparator(inference, normalizer, std::move(plan), threshold, previews),
        context(hooks, false),
        team(threads) {}

  const Comparison& compare(const std::vector<std::int64_t>& slices, const model::Statistics& adapted) {
    comparator.compare(stack, slices, inference.network().source_statistics(), adapted, team, context);
    return comparator.comparison();
  }

  io::Stack& stack;
  const model::Inference inference;
  const nodes::Normalizer normalizer;
  Comparator comparator;
  const RunHooks hooks;
  RunContext context;
  ThreadTeam team;
};

ComparisonPlan plan_for(const io::StackInfo& info, const model::Network& network,
                        std::size_t memory = gibibyte, int threads = 1) {
  const model::Inference inference(network, info.height, info.width);
  return plan_comparison(inference, memory, threads, io::bytes_per_voxel(info.type), 2).value();
}

TEST(ComparisonTest, CountsWhatBothNetworksFind) {
  auto stack = striped_stack(3, 60, 100);
  // The source finds the bright fifth; adapted, everything is above the mean minus one deviation.
  const auto network = pixel_network(0.7, 0.1, -1);
  Bench bench(stack, network, plan_for(stack.info(), network));
  const Comparison& comparison = bench.compare({0, 2}, statistics_of(network, 0.4F, 0.2F));
  ASSERT_EQ(comparison.slices.size(), 2U);
  const SliceComparison& slice = comparison.slices[1];
  EXPECT_EQ(slice.z, 2);
  EXPECT_DOUBLE_EQ(slice.source.foreground, 0.2);
  EXPECT_DOUBLE_EQ(slice.adapted.foreground, 1);
  EXPECT_DOUBLE_EQ(slice.agreement.value(), 0.2);
  EXPECT_DOUBLE_EQ(slice.equal, 0.2);
}

TEST(ComparisonTest, EntropyIsThatOfTheProbabilitiesInBits) {
  auto stack = striped_stack(1, 20, 40);
  const auto network = pixel_network(0.4, 0.2, 0);
  Bench bench(stack, network, plan_for(stack.info(), network));
  const PredictionFigures& reading = bench.compare({0}, network.source_statistics()).slices[0].source;
  const auto entropy = [](double logit) {
    const double p = 1 / (1 + std::exp(-logit));
    return -p * std::log2(p) - (1 - p) * std::log2(1 - p);
  };
  const double bright = (204.0 / 255 - 0.4) / 0.2;
  const double dark = (77.0 / 255 - 0.4) / 0.2;
  EXPECT_NEAR(reading.entropy, 0.2 * entropy(bright) + 0.8 * entropy(dark), 1e-4);
}

TEST(ComparisonTest, TwoEmptyMasksAgreeInNothingAndAreEqual) {
  auto stack = striped_stack(1, 20, 40);
  const auto network = pixel_network(0.4, 0.2, 50);
  Bench bench(stack, network, plan_for(stack.info(), network));
  const SliceComparison& slice = bench.compare({0}, network.source_statistics()).slices[0];
  EXPECT_FALSE(slice.agreement);
  EXPECT_EQ(slice.equal, 1);
}

TEST(ComparisonTest, ExpectedIouIsThatOfTheProbabilities) {
  auto stack = striped_stack(1, 20, 40);
  const auto network = pixel_network(0.4, 0.2, 0);
  Bench bench(stack, network, plan_for(stack.info(), network));
  const auto expected = bench.compare({0}, network.source_statistics()).slices[0].source.expected_iou;
  const auto p = [](double gray) { return 1 / (1 + std::exp(-(gray / 255 - 0.4) / 0.2)); };
  // A fifth is bright, and marked; the rest is not.
  ASSERT_GT(p(204), 0.5);
  ASSERT_LT(p(77), 0.5);
  ASSERT_TRUE(expected);
  EXPECT_NEAR(*expected, 0.2 * p(204) / (0.2 + 0.8 * p(77)), 1e-4);
}

TEST(ComparisonTest, ThreadsChangeNothingAndMemoryNothingButRounding) {
  auto stack = testing::textured_stack(3, 200, 312);
  const auto network = testing::small_network();
  model::Statistics other = network.source_statistics();
  for (float& mean : other.layers[0].mean) mean += 0.1F;
  const auto run = [&](std::size_t memory, int threads) {
    Bench bench(stack, network, plan_for(stack.info(), network, memory, threads), false, threads);
    return bench.compare({0, 1, 2}, other);
  };
  const model::Inference inference(network, 200, 312);
  std::size_t least = 0;
  while (!plan_comparison(inference, least, 1, 1, 2)) least += 1 << 20;
  EXPECT_GT(plan_for(stack.info(), network, least).tiles.size(), 1U);
  const Comparison expected = run(least, 1);
  for (const int threads : {2, 8}) {
    const Comparison same = run(gibibyte, threads);
    const Comparison cut = run(least, threads);
    for (std::size_t s = 0; s < 3; ++s) {
      EXPECT_EQ(cut.slices[s].adapted.entropy, expected.slices[s].adapted.entropy);
      EXPECT_EQ(cut.slices[s].adapted.expected_iou, expected.slices[s].adapted.expected_iou);
      EXPECT_EQ(cut.slices[s].agreement, expected.slices[s].agreement);
      EXPECT_NEAR(same.slices[s].adapted.entropy, expected.slices[s].adapted.entropy, 1e-4);
      EXPECT_NEAR(same.slices[s].source.foreground, expected.slices[s].source.foreground, 1e-3);
      EXPECT_NEAR(*same.slices[s].source.expected_iou, *expected.slices[s].source.expected_iou, 2e-3);
    }
  }
}

TEST(ComparisonPlanTest, ComparesWindowsOfLargeSlicesWhateverTheMemory) {
  const auto network = testing::small_network();
  const model::Inference inference(network, 1500, 1700);
  const auto sample = sample_of_large(1500, 1700, inference.alignment());
  ASSERT_TRUE(sample);
  for (const std::size_t memory : {std::size_t{160} << 20, gibibyte}) {
    const auto plan = plan_comparison(inference, memory, 4, 1, 1);
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->areas, *sample);
    long long covered = 0;
    for (const model::Region& tile : plan->tiles) covered += tile.area();
    long long expected = 0;
    for (const model::Region& area : *sample) expected += area.area();
    EXPECT_EQ(covered, expected);
    for (std::size_t t = 0; t < plan->tiles.size(); ++t) {
      EXPECT_TRUE(plan->areas[static_cast<std::size_t>(plan->area_of_tile[t])].contains(plan->tiles[t]));
    }
  }
  EXPECT_FALSE(plan_comparison(inference, 1 << 20, 4, 1, 1));
}

TEST(ComparisonTest, APreviewShowsShares) {
  auto stack = striped_stack(1, 600, 1200);  // a step of three pixels
  const auto network = pixel_network(0.7, 0.1, -1);
  Bench bench(stack, network, plan_for(stack.info(), network), true);
  bench.compare({0}, statistics_of(network, 0.4F, 0.2F));
  ASSERT_EQ(bench.comparator.previews().size(), 1U);
  const Preview& preview = bench.comparator.previews()[0];
  EXPECT_EQ(preview.height, 200);
  EXPECT_EQ(preview.width, 400);
  ASSERT_EQ(preview.source_mask.size(), 200U * 400);
  EXPECT_EQ(preview.source_mask[0], 170);  // two of three columns are bright
  EXPECT_EQ(preview.source_mask[1], 0);
  EXPECT_EQ(preview.mask[1], 255);
  EXPECT_EQ(preview.disagreement[0], 85);
  EXPECT_EQ(preview.disagreement[1], 255);
  EXPECT_GT(preview.probability[0], preview.probability[1]);
  EXPECT_GT(preview.image[0], preview.image[1]);
}

TEST(ComparisonTest, APreviewOfALargeSliceShowsItsWindows) {
  auto stack = striped_stack(1, 1500, 1700);
  const auto network = pixel_network(0.7, 0.1, -1);
  Bench bench(stack, network, plan_for(stack.info(), network), true);
  bench.compare({0}, network.source_statistics());
  const Preview& preview = bench.comparator.previews()[0];
  EXPECT_LE(preview.height, Preview::longest_side);
  EXPECT_LE(preview.width, Preview::longest_side);
  EXPECT_EQ(preview.image.size(),
            static_cast<std::size_t>(preview.height) * static_cast<std::size_t>(preview.width));
}

TEST(ComparisonTest, WithoutPreviewsThereAreNone) {
  auto stack = striped_stack(1, 20, 40);
  const auto network = pixel_network(0.7, 0.1, -1);
  Bench bench(stack, network, plan_for(stack.info(), network));
  bench.compare({0}, network.source_statistics());
  EXPECT_TRUE(bench.comparator.previews().empty());
}

TEST(PreviewTest, AnUrlIsThePngInBase64) {
  const std::string url = png_data_url(1, 2, {0, 255});
  ASSERT_TRUE(url.starts_with("data:image/png;base64,iVBORw0KGgo")) << url;  // the signature of PNG
  EXPECT_EQ((url.size() - url.find(',') - 1) % 4, 0U);
}

TEST(PreviewTest, AveragesOverWholeBoxesAndTheirRests) {
  std::vector<float> pixels(3 * 1025, 1.0F);
  pixels[0] = 10;
  const SmallPicture small = averaged_down(pixels, 3, 1025);
  EXPECT_EQ(small.height, 1);
  EXPECT_EQ(small.width, 342);
  EXPECT_FLOAT_EQ(small.pixels[0], 2);
  EXPECT_FLOAT_EQ(small.pixels.back(), 1);
}

}  // namespace
}  // namespace fibflow::pipeline
