#include "pipeline/adapt/match_search.h"

#include <gtest/gtest.h>

#include <map>
#include <span>
#include <string>

#include "pipeline/options/resolve_options.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow::pipeline {
namespace {

using testing::network_that_says;

ResolvedOptions resolved(io::Stack& stack, const model::Network& network, const InputOptions& input = {},
                         const AdaptationOptions& adaptation = {},
                         const ResourceOptions& resources = {2, std::size_t{1} << 30, 0}) {
  return resolve_options(input, adaptation, {}, resources, stack.info(), network);
}

TEST(StatedScaleTest, IsTheRatioOfVoxelSizes) {
  const auto scale = [](const std::string& trained, const io::VoxelSize& here) {
    return stated_scale(network_that_says({{"fibflow.voxel_nm", trained}}), here);
  };
  EXPECT_EQ(scale("30,8,8", {50, 4, 4}), (nodes::Scale{0.5, 0.5}));
  EXPECT_EQ(scale("30,8,8", {50, 8, 16}), (nodes::Scale{1, 2})) << "each direction on its own";
  EXPECT_EQ(scale("30,8,8", {50, 8.2, 7.8}), (nodes::Scale{1, 1})) << "nearly the same";
  EXPECT_FALSE(scale("30,8,8", {50, 0, 8})) << "half of it is not known";
  EXPECT_FALSE(scale("30,0,0", {50, 8, 8}));
  EXPECT_FALSE(scale("8", {50, 8, 8}));
  EXPECT_FALSE(scale("8,8,8", {8, 8000, 8000})) << "micrometres taken for nanometres";
  EXPECT_FALSE(scale("8,8,8", {8, 80, 80})) << "--scale goes no farther than 8 either";
  EXPECT_FALSE(stated_scale(testing::small_network(), {8, 8, 8}));
}

TEST(VoxelDoubtTest, IsOfWhatTheNetworkSees) {
  auto stack = testing::textured_stack(3, 40, 48);
  const model::Network trained = network_that_says({{"fibflow.voxel_nm", "8,8,8"}});
  const auto doubt = [&](const io::VoxelSize& voxel, const char* from, double scale, int neighbours = 1) {
    ResolvedOptions options = resolved(stack, trained);
    options.neighbours = neighbours;
    Match match;
    match.scale = {scale, scale};
    match.from = from;
    return voxel_doubt(trained, options, match, voxel).value_or("");
  };
  EXPECT_EQ(doubt({8, 4, 4}, "voxel size", 0.5), "") << "they are brought to the same";
  EXPECT_EQ(doubt({50, 4, 4}, "voxel size", 0.5), "") << "it sees one slice, however thick";
  EXPECT_EQ(doubt({8, 4, 4}, "expected IoU", 1), "") << "it was looked at";
  EXPECT_EQ(doubt({8, 6, 6}, "option", 1), "") << "nearly the same";
  EXPECT_NE(doubt({8, 40, 40}, "voxel size", 5), "") << "that far apart, one of them may be wrong";
  EXPECT_EQ(doubt({}, "option", 1), "") << "nobody knows";
  const std::string forced = doubt({8, 4, 4}, "option", 1);
  EXPECT_NE(forced.find("pixels of 4 x 4 nm (y, x), those that it was trained on are 8 x 8 nm"),
            std::string::npos)
      << forced;
  EXPECT_NE(forced.find("without --scale"), std::string::npos) << forced;
  EXPECT_NE(doubt({8, 4, 4}, "model", 1), "") << "an adapted model, of another stack";
  const std::string micrometres = doubt({8, 4000, 4000}, "default", 1);
  EXPECT_NE(micrometres.find("--voxel-size"), std::string::npos) << micrometres;
  EXPECT_EQ(micrometres.find("--scale"), std::string::npos) << micrometres;
  const std::string thick = doubt({40, 4, 4}, "voxel size", 0.5, 3);
  EXPECT_NE(thick.find("40 nm thick"), std::string::npos) << thick;
  EXPECT_EQ(voxel_doubt(testing::small_network(), resolved(stack, trained), {}, {8, 4, 4}), std::nullopt);
}

TEST(StatedMatchTest, WhatIsSaidComesFirstThenTheModelThenTheVoxels) {
  auto stack = testing::textured_stack(3, 40, 48);
  const io::VoxelSize voxel{8, 4, 4};
  const model::Network plain = testing::small_network();
  const model::Network trained = network_that_says({{"fibflow.voxel_nm", "8,8,8"}});
  const model::Network adapted =
      network_that_says({{"fibflow.voxel_nm", "8,8,8"}, {"fibflow.scale", "0.7,0.6"}});
  InputOptions said;
  said.scale = 2;
  const Match by_option = stated_match(adapted, resolved(stack, adapted, said), voxel);
  EXPECT_EQ(by_option.from, "option");
  EXPECT_EQ(by_option.scale, (nodes::Scale{2, 2}));
  const Match by_model = stated_match(adapted, resolved(stack, adapted), voxel);
  EXPECT_EQ(by_model.from, "model");
  EXPECT_EQ(by_model.scale, (nodes::Scale{0.7, 0.6}));
  const Match by_voxels = stated_match(trained, resolved(stack, trained), voxel);
  EXPECT_EQ(by_voxels.from, "voxel size");
  EXPECT_EQ(by_voxels.scale, (nodes::Scale{0.5, 0.5}));
  const Match by_nothing = stated_match(plain, resolved(stack, plain), voxel);
  EXPECT_EQ(by_nothing.from, "default");
  EXPECT_TRUE(by_nothing.scale.is_one());
  EXPECT_EQ(by_nothing.shares, (SourceShares{0.25, 0.25}));
}

TEST(StatedMatchTest, NothingIsSearchedWhereAllIsSaidOrNothingAdapted) {
  auto stack = testing::textured_stack(3, 40, 48);
  const model::Network network = testing::small_network();
  const auto searched = [&](std::optional<double> scale, std::optional<double> share, Recipe recipe) {
    InputOptions input;
    input.scale = scale;
    AdaptationOptions adaptation;
    adaptation.source_share = share;
    adaptation.recipe = recipe;
    const ResolvedOptions options = resolved(stack, network, input, adaptation);
    return is_searched(options, stated_match(network, options, {}));
  };
  EXPECT_TRUE(searched({}, {}, Recipe::stream));
  EXPECT_TRUE(searched(1, {}, Recipe::stream));
  EXPECT_TRUE(searched({}, 0.25, Recipe::stream));
  EXPECT_FALSE(searched(1, 0.25, Recipe::stream));
  EXPECT_FALSE(searched({}, {}, Recipe::none));
  EXPECT_FALSE(searched({}, {}, Recipe::two_pass));
}

class MatchSearchTest : public ::testing::Test {
 protected:
  Match search(io::Stack& stack, const AdaptationOptions& adaptation = {},
               const ResourceOptions& resources = {2, std::size_t{1} << 30, 0},
               const InputOptions& input = {}) const {
    const ResolvedOptions options = resolved(stack, network, input, adaptation, resources);
    const RunHooks hooks;
    RunContext context(hooks, false);
    ThreadTeam team(options.threads);
    return search_match(stack, {0, 1, 2}, stated_match(network, options, {}), network, options, normalizer,
                        team, context);
  }

  const model::Network network = testing::small_network();
  const nodes::Normalizer normalizer{{}, nodes::IntensityRange::of(io::PixelType::u8)};
};

TEST_F(MatchSearchTest, FewPixelsTellNothing) {
  auto stack = testing::textured_stack(3, 64, 64);
  EXPECT_TRUE(search(stack).candidates.empty());
}

TEST_F(MatchSearchTest, DoesNotDependOnThreadsOrMemory) {
  auto stack = testing::textured_stack(3, 200, 170);
  const Match one = search(stack, {}, {1, std::size_t{4} << 30, 0});
  ASSERT_GT(one.candidates.size(), 1U);
  for (const ResourceOptions& resources :
       {ResourceOptions{3, std::size_t{4} << 30, 0}, ResourceOptions{2, std::size_t{1} << 20, 0}}) {
    const Match other = search(stack, {}, resources);
    EXPECT_EQ(other.scale, one.scale);
    EXPECT_EQ(other.shares, one.shares);
    ASSERT_EQ(other.candidates.size(), one.candidates.size());
    for (std::size_t i = 0; i < one.candidates.size(); ++i) {
      EXPECT_EQ(other.candidates[i].expected_iou, one.candidates[i].expected_iou) << i;
      EXPECT_EQ(other.candidates[i].foreground, one.candidates[i].foreground) << i;
      EXPECT_EQ(other.candidates[i].diameter, one.candidates[i].diameter) << i;
    }
  }
}

TEST_F(MatchSearchTest, WhatIsSaidIsNotTouched) {
  auto stack = testing::textured_stack(3, 200, 170);
  AdaptationOptions adaptation;
  adaptation.source_share = 0.4;
  for (const MatchCandidate& candidate : search(stack, adaptation).candidates)
    EXPECT_EQ(candidate.shares, (SourceShares{0.4, 0.4}));
  InputOptions input;
  input.scale = 1;
  for (const MatchCandidate& candidate : search(stack, {}, {2, std::size_t{1} << 30, 0}, input).candidates)
    EXPECT_TRUE(candidate.scale.is_one());
}

TEST_F(MatchSearchTest, AStackOfNothingStaysAsItWasStated) {
  auto stack = testing::textured_stack(3, 200, 170);
  std::ranges::fill(stack.voxels, std::uint8_t{90});
  const Match match = search(stack);
  EXPECT_TRUE(match.scale.is_one());
}

}  // namespace
}  // namespace fibflow::pipeline
