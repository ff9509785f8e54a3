#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "io/formats/formats.h"
#include "pipeline/flow/pipeline_error.h"
#include "pipeline/options/exit_codes.h"
#include "pipeline/report/run_report.h"
#include "pipeline/segment/run.h"
#include "tests/fixtures/pixel_network.h"
#include "tests/fixtures/run_report.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow::pipeline {
namespace {

using testing::pixel_network;
using testing::striped_stack;

// What the networks find in the stripes (a fifth is bright): the source's mean and deviation, and where foreground begins.
model::Network vanishing() {
  return pixel_network(0.3, 0.1, 3);
}  // a fifth; adapted, nothing
model::Network flooding() {
  return pixel_network(0.7, 0.1, -1);
}  // a fifth; adapted, everything
model::Network improving() {
  return pixel_network(0.1, 0.1, 1);
}  // everything; adapted, a fifth

bool has(const Doubt& doubt, const std::string& name) {
  return std::any_of(doubt.signs.begin(), doubt.signs.end(), [&](const Sign& s) { return s.sign == name; });
}

class OnDoubtRecipeTest : public ::testing::TestWithParam<Recipe> {
 protected:
  AdaptationOptions options(OnDoubt on_doubt) const {
    AdaptationOptions adaptation;
    adaptation.recipe = GetParam();
    adaptation.source_share = 0;
    adaptation.on_doubt = on_doubt;
    return adaptation;
  }

  OutputOptions masks(const std::string& name) const {
    OutputOptions output;
    output.mask = folder / name;
    return output;
  }

  Outcome run(const model::Network& network, OnDoubt on_doubt, const std::string& name) {
    return segment(stack, network, {}, options(on_doubt), masks(name), {});
  }

  const testing::TemporaryFolder folder;
  testing::MemoryStack<std::uint8_t> stack = striped_stack(6, 40, 60);
};

TEST_P(OnDoubtRecipeTest, KeepGoesOnWithTheAdaptedNetworkAndWarns) {
  const Outcome outcome = run(vanishing(), OnDoubt::keep, "m.tif");
  const Doubt& doubt = outcome.report->doubt.value();
  EXPECT_TRUE(doubt.doubtful());
  EXPECT_TRUE(has(doubt, "foreground vanishes"));
  EXPECT_EQ(doubt.action, DoubtAction::warned);
  EXPECT_NE(std::find(outcome.report->warnings.begin(), outcome.report->warnings.end(), doubt.signs[0].text),
            outcome.report->warnings.end());
  for (const SliceRecord& slice : testing::slices_of(*outcome.report)) EXPECT_EQ(slice.foreground, 0);
}

TEST_P(OnDoubtRecipeTest, SourceSegmentsAsIfNothingHadBeenAdapted) {
  const Outcome outcome = run(vanishing(), OnDoubt::source, "m.tif");
  EXPECT_EQ(outcome.report->doubt->action, DoubtAction::source_used);
  EXPECT_EQ(outcome.statistics, vanishing().source_statistics());
  for (const SliceRecord& slice : testing::slices_of(*outcome.report)) {
    EXPECT_FALSE(slice.measured);
    EXPECT_DOUBLE_EQ(slice.foreground, 0.2);
  }
  AdaptationOptions none;
  none.recipe = Recipe::none;
  segment(stack, vanishing(), {}, none, masks("none.tif"), {});
  const auto a = io::open_stack(folder / "m.tif");
  const auto b = io::open_stack(folder / "none.tif");
  for (std::int64_t z = 0; z < 6; ++z) {
    const io::Slice x = a->read(z);
    const io::Slice y = b->read(z);
    EXPECT_TRUE(std::equal(x.data(), x.data() + x.size_bytes(), y.data())) << "slice " << z;
  }
}

TEST_P(OnDoubtRecipeTest, StopEndsBeforeTheSegmentationAndKeepsTheReport) {
  bool segmented = false;
  RunHooks hooks;
  hooks.begin = [&](const std::string& phase, std::int64_t) { segmented = segmented || phase == "segment"; };
  try {
    segment(stack, flooding(), {}, options(OnDoubt::stop), masks("m.tif"), {}, hooks);
    FAIL() << "did not stop";
  } catch (const Doubtful& stopped) {
    EXPECT_EQ(exit_code_of(stopped), 79);
    EXPECT_TRUE(has(stopped.report().doubt.value(), "foreground floods"));
    EXPECT_EQ(stopped.report().doubt->action, DoubtAction::stopped);
    EXPECT_EQ(stopped.report().command, "segment");
    EXPECT_NE(std::string(stopped.what()).find(stopped.report().doubt->signs[0].text), std::string::npos);
  }
  EXPECT_FALSE(segmented);
  EXPECT_TRUE(testing::files_in(folder / "").empty());
}

TEST_P(OnDoubtRecipeTest, WithoutDoubtNothingIsDone) {
  const Outcome expected = run(improving(), OnDoubt::keep, "keep.tif");
  EXPECT_FALSE(expected.report->doubt.value().doubtful()) << expected.report->doubt->signs[0].text;
  EXPECT_EQ(expected.report->doubt->action, DoubtAction::none);
  EXPECT_EQ(expected.report->warnings, std::vector<std::string>{});
  EXPECT_DOUBLE_EQ(expected.report->comparison->slices[0].source.foreground, 1);
  EXPECT_DOUBLE_EQ(expected.report->comparison->slices[0].adapted.foreground, 0.2);
  for (const OnDoubt on_doubt : {OnDoubt::source, OnDoubt::stop}) {
    const std::string name = std::string(name_of(on_doubt)) + ".tif";
    const Outcome outcome = run(improving(), on_doubt, name);
    EXPECT_EQ(outcome.statistics, expected.statistics);
    EXPECT_EQ(outcome.report->doubt->action, DoubtAction::none);
  }
}

TEST_P(OnDoubtRecipeTest, AdaptGivesTheSourceBackIfInDoubt) {
  const Outcome outcome = adapt(stack, vanishing(), {}, options(OnDoubt::source), {});
  EXPECT_EQ(outcome.report->doubt->action, DoubtAction::source_used);
  EXPECT_EQ(outcome.statistics, vanishing().source_statistics());
  const auto recipe_of = [](const Outcome& adapted) {
    const std::string onnx = adapted_model(vanishing(), adapted);
    return model::Network::parse(std::as_bytes(std::span(onnx)), "adapted").metadata().at("fibflow.recipe");
  };
  EXPECT_EQ(recipe_of(outcome), "none") << "the model is as it was, and must not say that it was adapted";
  EXPECT_EQ(recipe_of(adapt(stack, vanishing(), {}, options(OnDoubt::keep), {})), name_of(GetParam()));
  EXPECT_THROW(adapt(stack, vanishing(), {}, options(OnDoubt::stop), {}), Doubtful);
  EXPECT_NE(adapt(stack, vanishing(), {}, options(OnDoubt::keep), {}).statistics,
            vanishing().source_statistics());
}

TEST_P(OnDoubtRecipeTest, PreviewsAreMadeIfWanted) {
  AdaptationOptions adaptation = options(OnDoubt::keep);
  EXPECT_TRUE(segment(stack, vanishing(), {}, adaptation, {}, {}).report->previews.empty());
  adaptation.previews = true;
  EXPECT_EQ(segment(stack, vanishing(), {}, adaptation, {}, {}).report->previews.size(), 3U);
}

INSTANTIATE_TEST_SUITE_P(Recipes, OnDoubtRecipeTest, ::testing::Values(Recipe::stream, Recipe::two_pass),
                         [](const auto& c) { return c.param == Recipe::stream ? "Stream" : "TwoPass"; });

TEST(OnDoubtTest, WhatAComparisonKeepsIsWithinTheBudgetToo) {
  constexpr int slices = 400;
  auto stack = striped_stack(slices, 64, 64);
  AdaptationOptions adaptation;
  adaptation.freeze = Freeze::probe;
  ResourceOptions resources{1, 1 << 20, 0};
  try {
    segment(stack, improving(), {}, adaptation, {}, resources);
    FAIL() << "a megabyte is no budget";
  } catch (const BudgetTooSmall& error) {
    resources.memory = error.smallest() + (2 << 20);
  }
  EXPECT_TRUE(segment(stack, improving(), {}, adaptation, {}, resources).report->comparison);
  adaptation.comparison = slices;
  const RunReport report = *segment(stack, improving(), {}, adaptation, {}, resources).report;
  EXPECT_FALSE(report.comparison) << "three megabytes of masks";
  ASSERT_FALSE(report.warnings.empty());
  EXPECT_NE(report.warnings[0].find("no room for a comparison"), std::string::npos) << report.warnings[0];
}

TEST(OnDoubtTest, NothingToCompareIsNoDoubt) {
  auto stack = striped_stack(6, 40, 60);
  AdaptationOptions none;
  none.recipe = Recipe::none;
  EXPECT_FALSE(segment(stack, flooding(), {}, none, {}, {}).report->doubt);
  AdaptationOptions no_probe;
  no_probe.probe = 0;
  EXPECT_FALSE(segment(stack, flooding(), {}, no_probe, {}, {}).report->comparison);
}

TEST(OnDoubtTest, ADoubtThatCannotArisePromisesNothing) {
  auto stack = striped_stack(6, 40, 60);
  AdaptationOptions adaptation;
  adaptation.on_doubt = OnDoubt::stop;
  adaptation.comparison = 0;
  EXPECT_THROW(segment(stack, flooding(), {}, adaptation, {}, {}), std::invalid_argument);
  adaptation.comparison.reset();
  adaptation.recipe = Recipe::none;
  EXPECT_THROW(segment(stack, flooding(), {}, adaptation, {}, {}), std::invalid_argument);
  adaptation.on_doubt = OnDoubt::keep;
  adaptation.comparison = 2;
  EXPECT_THROW(segment(stack, flooding(), {}, adaptation, {}, {}), std::invalid_argument);
}

}  // namespace
}  // namespace fibflow::pipeline
