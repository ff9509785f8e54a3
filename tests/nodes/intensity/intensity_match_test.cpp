#include "nodes/intensity/intensity_match.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "nodes/intensity/random.h"
#include "tests/fixtures/make_slice.h"

namespace fibflow::nodes {
namespace {

using testing::make_slice;
using From = IntensityMatch::From;

/// Intensities between 0.06 and 0.94 that are skewed, as tissue's are: many bright ones, a tail of dark ones.
double tissue(int y, int x) {
  Random random{std::uint64_t(y), std::uint64_t(x)};
  return 0.94 - 0.88 * std::pow(random.uniform(), 2.5);
}

template <typename T>
IntensitySample sample_of(double black, double white) {
  IntensitySample sample;
  sample.add(make_slice<T>(0, 128, 128, [&](int y, int x) {
    const double voxel = black + tissue(y, x) * (white - black);
    return static_cast<T>(std::is_floating_point_v<T> ? voxel : std::round(voxel));
  }));
  return sample;
}

SourceIntensities source(bool with_quantiles = true) {
  const IntensitySample sample = sample_of<float>(0, 1);
  return {sample.moments().mean, sample.moments().deviation(),
          with_quantiles ? sample.quantiles(200) : std::vector<double>()};
}

IntensityWishes zscore() {
  return {Normalization::parse("zscore:0.6,0.2")};
}

TEST(IntensityMatchTest, WhatFitsIsReadAsItsTypeSays) {
  for (const bool known : {true, false}) {
    const auto of_source = known ? std::optional(source()) : std::nullopt;
    for (const auto& match :
         {match_intensities(sample_of<std::uint8_t>(0, 255), {io::PixelType::u8}, zscore(), of_source),
          match_intensities(sample_of<std::uint16_t>(0, 65535), {io::PixelType::u16}, zscore(), of_source),
          match_intensities(sample_of<float>(0, 1), {io::PixelType::f32}, zscore(), of_source)}) {
      EXPECT_EQ(match.from, From::type);
      EXPECT_TRUE(match.remarks.empty());
      EXPECT_TRUE(match.warnings.empty()) << match.warnings.front();
    }
  }
}

TEST(IntensityMatchTest, BitsThatDoNotFillTheirTypeAreFound) {
  for (const bool known : {true, false}) {
    const auto of_source = known ? std::optional(source()) : std::nullopt;
    for (const double white : {255.0, 1023.0, 4095.0}) {
      for (const auto& match :
           {match_intensities(sample_of<std::uint16_t>(0, white), {io::PixelType::u16}, zscore(), of_source),
            match_intensities(sample_of<float>(0, white), {io::PixelType::f32}, zscore(), of_source)}) {
        EXPECT_EQ(match.range, (IntensityRange{0, white})) << known;
        EXPECT_EQ(match.from, From::measured);
        EXPECT_EQ(match.remarks.size(), 1U);
        EXPECT_TRUE(match.warnings.empty());
      }
    }
  }
}

TEST(IntensityMatchTest, FourteenBitsAreFoundOnlyIfTheSourceTells) {
  const IntensitySample sample = sample_of<std::uint16_t>(0, 16383);
  const auto told = match_intensities(sample, {io::PixelType::u16}, zscore(), source());
  EXPECT_EQ(told.range.white, 16383);
  const auto untold = match_intensities(sample, {io::PixelType::u16}, zscore(), std::nullopt);
  EXPECT_EQ(untold.from, From::type);
  ASSERT_EQ(untold.warnings.size(), 1U);
  EXPECT_NE(untold.warnings[0].find("--intensity-range 0,16383"), std::string::npos) << untold.warnings[0];
}

TEST(IntensityMatchTest, FloatsFromMinusOneToOneAreFound) {
  const auto match = match_intensities(sample_of<float>(-1, 1), {io::PixelType::f32}, zscore(), source());
  EXPECT_EQ(match.range, (IntensityRange{-1, 1}));
}

TEST(IntensityMatchTest, WhatNoRangeFitsGetsTheMeanAndDeviationOfTheSource) {
  for (const SourceIntensities& of_source : {source(true), source(false)}) {
    const double mean = of_source.mean;
    const double deviation = of_source.deviation;
    // Standardized; in microvolts.
    for (const auto& [black, white] : {std::pair{-mean / deviation, (1 - mean) / deviation}, {-7e5, 3e5}}) {
      const IntensitySample sample = sample_of<float>(black, white);
      const auto match = match_intensities(sample, {io::PixelType::f32}, zscore(), of_source);
      EXPECT_EQ(match.from, From::matched);
      EXPECT_NEAR(match.range.black, black, 1e-3 * (white - black));
      EXPECT_NEAR(match.range.white, white, 1e-3 * (white - black));
      EXPECT_EQ(match.remarks.size(), 1U);
    }
  }
}

TEST(IntensityMatchTest, SignedVoxelsHaveNoFullScaleUnlessOneFitsClosely) {
  const StoredVoxels stored{io::PixelType::u16, 32768};
  const auto close = match_intensities(sample_of<std::uint16_t>(32768, 65535), stored, zscore(), source());
  EXPECT_EQ(close.range, (IntensityRange{32768, 65535}));
  const auto all = match_intensities(sample_of<std::uint16_t>(0, 65535), stored, zscore(), source());
  EXPECT_EQ(all.from, From::type);
  const auto other =
      match_intensities(sample_of<std::uint16_t>(32768, 32768 + 25500), stored, zscore(), source());
  EXPECT_EQ(other.from, From::matched);
  EXPECT_NEAR(other.range.black, 32768, 20);
  EXPECT_NEAR(other.range.white, 32768 + 25500, 20);
}

TEST(IntensityMatchTest, BitsThatTheFileStatesNeedNoSource) {
  const auto match = match_intensities(sample_of<std::uint16_t>(0, 4095), {io::PixelType::u16, 0, 12},
                                       zscore(), std::nullopt);
  EXPECT_EQ(match.range, (IntensityRange{0, 4095}));
  EXPECT_EQ(match.from, From::type);
}

TEST(IntensityMatchTest, OtherContrastIsDoubtedAndWhatCannotBeMeantIsMatched) {
  // A third and a tenth of the contrast, around gray.
  const auto third =
      match_intensities(sample_of<std::uint8_t>(85, 170), {io::PixelType::u8}, zscore(), source());
  EXPECT_EQ(third.from, From::type);
  ASSERT_EQ(third.warnings.size(), 1U);
  EXPECT_NE(third.warnings[0].find("--normalization stack"), std::string::npos);
  const auto tenth =
      match_intensities(sample_of<std::uint8_t>(115, 140), {io::PixelType::u8}, zscore(), source());
  EXPECT_EQ(tenth.from, From::matched);
  EXPECT_TRUE(tenth.warnings.empty());
}

TEST(IntensityMatchTest, WhatTheUserSaysIsDone) {
  IntensityWishes wishes = zscore();
  wishes.normalization_is_given = true;
  const auto doubted =
      match_intensities(sample_of<std::uint8_t>(115, 140), {io::PixelType::u8}, wishes, source());
  EXPECT_EQ(doubted.range, (IntensityRange{0, 255}));
  EXPECT_EQ(doubted.warnings.size(), 1U);
  wishes.range = IntensityRange{100, 2000};
  wishes.inverted = true;
  const auto given =
      match_intensities(sample_of<std::uint16_t>(0, 65535), {io::PixelType::u16}, wishes, source());
  EXPECT_EQ(given.range, (IntensityRange{2000, 100}));
  EXPECT_EQ(given.from, From::option);
}

TEST(IntensityMatchTest, InvertedContrastIsSaidAndOnOrderTurned) {
  const IntensitySample inverted = sample_of<std::uint8_t>(255, 0);
  for (const char* rule : {"zscore:0.6,0.2", "stack", "slice", "percentile:1,99"}) {
    IntensityWishes wishes{Normalization::parse(rule)};
    const auto said = match_intensities(inverted, {io::PixelType::u8}, wishes, source());
    ASSERT_EQ(said.warnings.size(), 1U) << rule;
    EXPECT_NE(said.warnings[0].find("--invert"), std::string::npos) << rule;
    EXPECT_FALSE(said.range.is_inverted());
    wishes.inverted = true;
    const auto turned = match_intensities(inverted, {io::PixelType::u8}, wishes, source());
    EXPECT_EQ(turned.range, (IntensityRange{255, 0})) << rule;
    EXPECT_TRUE(turned.warnings.empty()) << rule;
  }
  // In 12 bits, too; and by the mean alone, where nothing more is known.
  IntensityWishes wishes = zscore();
  wishes.inverted = true;
  EXPECT_EQ(
      match_intensities(sample_of<std::uint16_t>(4095, 0), {io::PixelType::u16}, wishes, source()).range,
      (IntensityRange{4095, 0}));
  EXPECT_EQ(match_intensities(inverted, {io::PixelType::u8}, zscore(), source(false)).warnings.size(), 1U);
}

TEST(IntensityMatchTest, ABlankStackIsReadAsItsTypeSays) {
  IntensitySample sample;
  sample.add(make_slice<std::uint16_t>(0, 8, 8, [](int, int) { return std::uint16_t(40); }));
  const auto match = match_intensities(sample, {io::PixelType::u16}, zscore(), source());
  EXPECT_EQ(match.range, (IntensityRange{0, 65535}));
  EXPECT_TRUE(match.warnings.empty());
}

}  // namespace
}  // namespace fibflow::nodes
