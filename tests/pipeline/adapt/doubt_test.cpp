#include "pipeline/adapt/doubt.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace fibflow::pipeline {
namespace {

using namespace doubt_limits;
using Names = std::vector<std::string>;

constexpr double little = 1e-6;
constexpr double trained = 0.1;

/// An adaptation that finds a little more, and is surer of it: no sign.
SliceComparison innocent() {
  SliceComparison slice;
  slice.source = {0.1, 0.1, 0.7};
  slice.adapted = {0.12, 0.1, 0.75};
  slice.agreement = 0.8;
  return slice;
}

Names names_of(const std::vector<Sign>& signs) {
  Names names;
  for (const Sign& sign : signs) names.push_back(sign.sign);
  return names;
}

Names known(const SliceComparison& slice) {
  return names_of(signs_of({{slice}}, trained));
}

Names unknown(const SliceComparison& slice) {
  return names_of(signs_of({{slice}}, std::nullopt));
}

TEST(DoubtTest, AnAdaptationThatMakesTheNetworkSurerRaisesNoSign) {
  EXPECT_EQ(known(innocent()), Names{});
  EXPECT_EQ(unknown(innocent()), Names{});
}

TEST(DoubtTest, NoSliceIsNoSign) {
  EXPECT_TRUE(signs_of({}, trained).empty());
  EXPECT_TRUE(signs_of({}, std::nullopt).empty());
}

TEST(DoubtTest, ForegroundLeavesThatOfTheTrainingBeyondItsLimit) {
  for (const double direction : {1.0, -1.0}) {
    SliceComparison slice = innocent();
    slice.source.foreground = trained * std::exp(direction * 0.2);
    slice.adapted.foreground = trained * std::exp(direction * (0.2 + leaves - little));
    EXPECT_EQ(known(slice), Names{});
    slice.adapted.foreground = trained * std::exp(direction * (0.2 + leaves + little));
    EXPECT_EQ(known(slice), Names{"foreground leaves"});
    EXPECT_EQ(unknown(slice), Names{});
    // From one side to the other is no farther.
    slice.adapted.foreground = trained * std::exp(-direction * 0.2);
    EXPECT_EQ(known(slice), Names{});
  }
}

TEST(DoubtTest, AForegroundThatComesNearerIsNoSign) {
  SliceComparison slice = innocent();
  slice.source.foreground = 0.9;
  slice.adapted.foreground = 0.5;
  EXPECT_EQ(known(slice), Names{});
}

TEST(DoubtTest, NoGainBeginsBelowItsLimit) {
  SliceComparison slice = innocent();
  slice.adapted.expected_iou = *slice.source.expected_iou + gain + little;
  EXPECT_EQ(known(slice), Names{});
  slice.adapted.expected_iou = *slice.source.expected_iou + gain - little;
  EXPECT_EQ(known(slice), Names{"no gain"});
  EXPECT_EQ(unknown(slice), Names{"no gain"});
}

TEST(DoubtTest, NoGainOverASourceThatFloodsIsNoSign) {
  SliceComparison slice = innocent();
  slice.adapted.expected_iou = 0.5;
  slice.source.foreground = trained * std::exp(plausible - little);
  EXPECT_EQ(known(slice), Names{"no gain"});
  slice.source.foreground = trained * std::exp(plausible + little);
  EXPECT_EQ(known(slice), Names{});
  slice.source.foreground = plausible_foreground + little;
  EXPECT_EQ(unknown(slice), Names{});
  slice.source.foreground = least_foreground - little;
  EXPECT_EQ(unknown(slice), Names{});
}

TEST(DoubtTest, ASourceThatFindsNothingHasNothingToBeSureOf) {
  SliceComparison slice = innocent();
  slice.source = {0, 0, std::nullopt};
  slice.agreement = 0;
  EXPECT_EQ(known(slice), Names{});
  EXPECT_EQ(unknown(slice), Names{});
}

TEST(DoubtTest, ForegroundFloodsAboveItsLimit) {
  SliceComparison slice = innocent();
  slice.adapted.foreground = flood;
  EXPECT_EQ(unknown(slice), Names{});
  slice.adapted.foreground = flood + little;
  EXPECT_EQ(unknown(slice), Names{"foreground floods"});
  slice.source.foreground = plausible_foreground + little;  // the source floods, too
  EXPECT_EQ(unknown(slice), Names{});
}

TEST(DoubtTest, ForegroundVanishesBelowItsLimit) {
  SliceComparison slice = innocent();
  slice.adapted.foreground = slice.source.foreground * (vanish + little);
  EXPECT_EQ(unknown(slice), Names{});
  slice.adapted.foreground = slice.source.foreground * (vanish - little);
  EXPECT_EQ(unknown(slice), Names{"foreground vanishes"});
  slice.source.foreground = least_foreground - little;
  slice.adapted.foreground = 0;
  EXPECT_EQ(unknown(slice), Names{}) << "there was nothing";
}

TEST(DoubtTest, WhatVanishedIsNothingToBeSureOf) {
  SliceComparison slice = innocent();
  slice.adapted = {0, 0, std::nullopt};
  EXPECT_EQ(unknown(slice), (Names{"foreground vanishes", "no gain"}));
  EXPECT_EQ(known(slice), (Names{"foreground leaves", "no gain"}));
}

TEST(DoubtTest, SignsAreAboutTheMeanOfTheSlices) {
  SliceComparison worse = innocent();
  worse.adapted.expected_iou = 0.6;
  SliceComparison better = innocent();
  better.adapted.expected_iou = 0.9;
  EXPECT_TRUE(signs_of({{worse, better, innocent()}}, trained).empty());
  const std::vector<Sign> signs = signs_of({{worse, worse, innocent()}}, trained);
  ASSERT_EQ(names_of(signs), Names{"no gain"});
  EXPECT_NEAR(signs.front().value, (0.6 + 0.6 + 0.75) / 3 - 0.7, 1e-12);
  EXPECT_EQ(signs.front().limit, gain);
}

TEST(DoubtTest, EverySignSaysAWholeSentence) {
  SliceComparison slice = innocent();
  slice.adapted = {0, 0, std::nullopt};
  std::vector<Sign> signs = signs_of({{slice}}, trained);
  for (Sign& sign : signs_of({{slice}}, std::nullopt)) signs.push_back(std::move(sign));
  slice.adapted.foreground = 0.9;
  for (Sign& sign : signs_of({{slice}}, std::nullopt)) signs.push_back(std::move(sign));
  EXPECT_EQ(signs.size(), 6U);
  for (const Sign& sign : signs) {
    EXPECT_GT(std::count(sign.text.begin(), sign.text.end(), ' '), 10) << sign.text;
    EXPECT_EQ(sign.text.find("nan"), std::string::npos) << sign.text;
  }
}

}  // namespace
}  // namespace fibflow::pipeline
