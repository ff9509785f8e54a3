// What shows nothing stays out of the statistics, in every recipe, for any number of threads and any tiles.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "pipeline/report/run_report.h"
#include "pipeline/segment/run.h"
#include "tests/fixtures/run_report.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow::pipeline {
namespace {

constexpr int height = 112;
constexpr int width = 160;

/// Texture up to a column, then resin: white noise around a gray level.
testing::MemoryStack<std::uint8_t> stack_with_resin(int first_resin_column, int depth = 6,
                                                    double resin = 200) {
  std::vector<std::uint8_t> voxels;
  std::mt19937 random(3);
  for (int z = 0; z < depth; ++z) {
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        double noise = -6;
        for (int i = 0; i < 12; ++i) noise += static_cast<double>(random()) / 4294967296.0;
        const double wave = std::sin(0.31 * x + 0.2 * z) * std::cos(0.27 * y) + std::sin(0.11 * x + 0.13 * y);
        const double gray = x < first_resin_column ? 110 + 30 * wave : resin;
        voxels.push_back(static_cast<std::uint8_t>(std::lround(std::clamp(gray + 6 * noise, 0.0, 255.0))));
      }
    }
  }
  return testing::MemoryStack<std::uint8_t>("resin", depth, height, width, std::move(voxels));
}

struct Case {
  const char* name;
  Recipe recipe;
  NormalizeBy by = NormalizeBy::batch;
  std::optional<int> every = {};
};

const Case cases[] = {{"stream", Recipe::stream},
                      {"stream_measured_everywhere", Recipe::stream, NormalizeBy::batch, 1},
                      {"two_pass", Recipe::two_pass},
                      {"two_pass_running", Recipe::two_pass, NormalizeBy::running}};

Outcome run(io::Stack& stack, const Case& c, nodes::Featureless featureless, int threads = 2, int tile = 48) {
  AdaptationOptions adaptation;
  adaptation.recipe = c.recipe;
  adaptation.normalize_by = c.by;
  adaptation.measure_every = c.every;
  adaptation.featureless = featureless;
  ResourceOptions resources;
  resources.threads = threads;
  resources.tile = tile;
  return segment(stack, testing::small_network(), {{}, nodes::Normalization{}}, adaptation, {}, resources);
}

/// Largest difference in deviations of b.
double distance(const model::Statistics& a, const model::Statistics& b) {
  double largest = 0;
  for (std::size_t l = 0; l < a.layers.size(); ++l) {
    for (std::size_t c = 0; c < a.layers[l].mean.size(); ++c) {
      const double deviation = std::sqrt(b.layers[l].variance[c]) + 1e-9;
      largest = std::max({largest, std::abs(a.layers[l].mean[c] - b.layers[l].mean[c]) / deviation,
                          std::abs(std::sqrt(a.layers[l].variance[c]) / deviation - 1)});
    }
  }
  return largest;
}

class FeaturelessTest : public ::testing::TestWithParam<Case> {};

TEST_P(FeaturelessTest, WhatTheResinLooksLikeDoesNotMatterWhereItIsLeftOut) {
  // Nine of ten columns are 16 pixels or more away from the other half, and so is what a small network sees of it.
  auto bright = stack_with_resin(64, 6, 200);
  auto dark = stack_with_resin(64, 6, 60);
  const auto moved = [&](nodes::Featureless featureless) {
    return distance(run(bright, GetParam(), featureless).statistics,
                    run(dark, GetParam(), featureless).statistics);
  };
  const double counted = moved(nodes::Featureless::counts);
  EXPECT_GT(counted, 0.5);
  EXPECT_LT(moved(nodes::Featureless::left_out), 0.4 * counted);
}

TEST_P(FeaturelessTest, ThreadsChangeNoBitAndTilesOnlyRounding) {
  auto stack = stack_with_resin(80);
  const Outcome one = run(stack, GetParam(), nodes::Featureless::left_out, 1);
  EXPECT_EQ(run(stack, GetParam(), nodes::Featureless::left_out, 3).statistics, one.statistics);
  EXPECT_LT(distance(run(stack, GetParam(), nodes::Featureless::left_out, 2, 160).statistics, one.statistics),
            1e-4);
}

TEST_P(FeaturelessTest, AStackOfPureResinLeavesTheSourcesStatistics) {
  auto stack = stack_with_resin(0);
  const Outcome outcome = run(stack, GetParam(), nodes::Featureless::left_out);
  EXPECT_EQ(outcome.statistics, testing::small_network().source_statistics());
  ASSERT_EQ(testing::slices_of(*outcome.report).size(), 6U);
  for (const SliceRecord& slice : testing::slices_of(*outcome.report)) {
    EXPECT_EQ(slice.featureless, 1);
    EXPECT_FALSE(slice.drift);
  }
  EXPECT_EQ(outcome.report->adaptation->batches, 0);
  ASSERT_FALSE(outcome.report->warnings.empty());
  EXPECT_EQ(outcome.report->warnings.back(),
            "no slice shows anything but featureless area: the statistics are still the source's");
  auto half = stack_with_resin(80);
  const Outcome of_half = run(half, GetParam(), nodes::Featureless::left_out);
  for (const std::string& warning : of_half.report->warnings)
    EXPECT_EQ(warning.find("featureless"), std::string::npos) << warning;
}

INSTANTIATE_TEST_SUITE_P(Recipes, FeaturelessTest, ::testing::ValuesIn(cases),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(FeaturelessReportTest, SaysHowMuchWasLeftOut) {
  auto stack = stack_with_resin(80);
  const Outcome outcome = run(stack, cases[0], nodes::Featureless::left_out);
  for (const SliceRecord& slice : testing::slices_of(*outcome.report))
    EXPECT_NEAR(slice.featureless, 0.5, 0.11);
  const auto json = testing::json_of(*outcome.report);
  EXPECT_EQ(json["options"]["featureless"], "leave-out");
  EXPECT_EQ(json["slices"][0]["featureless"], testing::slices_of(*outcome.report)[0].featureless);
  EXPECT_NE(one_line(outcome.report->options).find("featureless leave-out"), std::string::npos);
  EXPECT_EQ(testing::slices_of(*run(stack, cases[0], nodes::Featureless::counts).report)[0].featureless, 0);
}

}  // namespace
}  // namespace fibflow::pipeline
