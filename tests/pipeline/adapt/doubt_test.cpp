#include "pipeline/adapt/doubt.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace fibflow::pipeline {
namespace {

using namespace doubt_limits;

/// A source that is at home and an adaptation that makes it clearly steadier: no sign.
SliceComparison innocent() {
  SliceComparison slice;
  slice.source = {0.1, 0.1, 0.7};
  slice.adapted = {0.12, 0.1, 0.9};
  slice.agreement = 0.8;
  return slice;
}

std::vector<std::string> names_of(const std::vector<Sign>& signs) {
  std::vector<std::string> names;
  for (const Sign& sign : signs) names.push_back(sign.sign);
  return names;
}

std::vector<std::string> before(const SliceComparison& slice) {
  return names_of(signs_before({{slice}}));
}

std::vector<std::string> after(const SliceComparison& slice) {
  return names_of(signs_after({{slice}}));
}

using Names = std::vector<std::string>;
constexpr double little = 1e-6;

TEST(DoubtTest, AnAdaptationThatMakesTheNetworkSteadierRaisesNoSign) {
  EXPECT_EQ(before(innocent()), Names{});
  EXPECT_EQ(after(innocent()), Names{});
}

TEST(DoubtTest, NoSliceIsNoSign) {
  EXPECT_TRUE(signs_before({}).empty());
  EXPECT_TRUE(signs_after({}).empty());
}

TEST(DoubtTest, NoGainBeginsBelowItsLimit) {
  SliceComparison slice = innocent();
  slice.adapted.steadiness = *slice.source.steadiness + gain + little;
  EXPECT_EQ(before(slice), Names{});
  slice.adapted.steadiness = *slice.source.steadiness + gain - little;
  EXPECT_EQ(before(slice), Names{"no gain"});
}

TEST(DoubtTest, NoGainNeedsASourceThatIsSteady) {
  SliceComparison slice = innocent();
  slice.source.steadiness = at_home;
  slice.adapted.steadiness = at_home;
  EXPECT_EQ(before(slice), Names{"no gain"});
  slice.source.steadiness = slice.adapted.steadiness = at_home - little;
  EXPECT_EQ(before(slice), Names{});
}

TEST(DoubtTest, NoGainNeedsASourceWithPlausibleForeground) {
  SliceComparison slice = innocent();
  slice.adapted.steadiness = slice.source.steadiness;
  slice.source.foreground = plausible_foreground;
  EXPECT_EQ(before(slice), Names{"no gain"});
  slice.source.foreground = plausible_foreground + little;
  EXPECT_EQ(before(slice), Names{});
}

TEST(DoubtTest, ASourceThatFindsNothingHasNoHome) {
  SliceComparison slice = innocent();
  slice.source = {0, 0, std::nullopt};
  slice.agreement = 0;
  EXPECT_EQ(before(slice), Names{});
}

TEST(DoubtTest, ForegroundFloodsAboveItsLimit) {
  SliceComparison slice = innocent();
  slice.adapted.foreground = flood;
  EXPECT_EQ(before(slice), Names{});
  slice.adapted.foreground = flood + little;
  EXPECT_EQ(before(slice), Names{"foreground floods"});
  slice.source.foreground = plausible_foreground + little;  // the source floods, too
  EXPECT_EQ(before(slice), Names{});
}

TEST(DoubtTest, ForegroundVanishesBelowItsLimit) {
  SliceComparison slice = innocent();
  slice.adapted.foreground = slice.source.foreground * (vanish + little);
  EXPECT_EQ(before(slice), Names{});
  slice.adapted.foreground = slice.source.foreground * (vanish - little);
  EXPECT_EQ(before(slice), Names{"foreground vanishes"});
}

TEST(DoubtTest, ForegroundVanishesOnlyWhereTheSourceFoundSome) {
  SliceComparison slice = innocent();
  slice.adapted.foreground = 0;
  slice.source.foreground = least_foreground;
  EXPECT_EQ(before(slice), Names{"foreground vanishes"});
  slice.source.foreground = least_foreground - little;
  EXPECT_EQ(before(slice), Names{});
  slice.source.foreground = plausible_foreground + little;
  EXPECT_EQ(before(slice), Names{});
}

TEST(DoubtTest, AMaskThatVanishedIsNotSteady) {
  SliceComparison slice = innocent();
  slice.adapted = {0, 0, std::nullopt};
  EXPECT_EQ(before(slice), (Names{"no gain", "foreground vanishes"}));
}

TEST(DoubtTest, LeavingTheSourceShowsInWhatWasWritten) {
  SliceComparison slice = innocent();
  slice.written_agreement = *slice.agreement - left + little;
  EXPECT_EQ(after(slice), Names{});
  slice.written_agreement = *slice.agreement - left - little;
  EXPECT_EQ(after(slice), Names{"left the source"});
  slice.source.steadiness = at_home - little;  // to leave a source that guesses is no fault
  EXPECT_EQ(after(slice), Names{});
}

TEST(DoubtTest, NothingWrittenIsNoSign) {
  SliceComparison slice = innocent();
  slice.written_agreement.reset();
  EXPECT_EQ(after(slice), Names{});
}

TEST(DoubtTest, SignsAreAboutTheMeanOfTheSlices) {
  SliceComparison worse = innocent();
  worse.adapted.steadiness = 0.6;
  SliceComparison better = innocent();
  better.adapted.steadiness = 1.0;
  const std::vector<Sign> signs = signs_before({{worse, better, innocent()}});
  EXPECT_TRUE(signs.empty());
  const std::vector<Sign> now = signs_before({{worse, worse, innocent()}});
  ASSERT_EQ(names_of(now), Names{"no gain"});
  EXPECT_NEAR(now.front().value, (0.6 + 0.6 + 0.9) / 3 - 0.7, 1e-12);
  EXPECT_EQ(now.front().limit, gain);
}

TEST(DoubtTest, EverySignSaysAWholeSentence) {
  SliceComparison slice = innocent();
  slice.adapted = {0, 0, std::nullopt};
  slice.written_agreement = 0;
  std::vector<Sign> signs = signs_before({{slice}});
  slice.adapted.foreground = 0.9;
  for (Sign& sign : signs_before({{slice}})) signs.push_back(std::move(sign));
  for (Sign& sign : signs_after({{slice}})) signs.push_back(std::move(sign));
  EXPECT_EQ(signs.size(), 5U);
  for (const Sign& sign : signs) {
    EXPECT_GT(std::count(sign.text.begin(), sign.text.end(), ' '), 10) << sign.text;
    EXPECT_EQ(sign.text.find("nan"), std::string::npos) << sign.text;
  }
}

}  // namespace
}  // namespace fibflow::pipeline
