#include "nodes/intensity/intensity_sample.h"

#include <gtest/gtest.h>

#include <limits>
#include <numeric>

#include "tests/fixtures/make_slice.h"

namespace fibflow::nodes {
namespace {

using testing::make_slice;

TEST(IntensitySampleTest, KnowsExtremesAndMomentsOfEveryVoxelAndQuantilesOfALattice) {
  IntensitySample sample;
  sample.add(make_slice<std::uint16_t>(0, 300, 700, [](int y, int x) { return std::uint16_t(y + x); }));
  sample.add(make_slice<std::uint16_t>(1, 300, 700, [](int y, int x) { return std::uint16_t(y + x + 1); }));
  EXPECT_EQ(sample.lowest(), 0);
  EXPECT_EQ(sample.highest(), 999);
  EXPECT_EQ(sample.moments().count, 2 * 300 * 700);
  EXPECT_NEAR(sample.moments().mean, 499.5, 1e-9);
  EXPECT_EQ(sample.moments_of_tissue().mean, sample.moments().mean);
  const auto quantiles = sample.quantiles(10);
  ASSERT_EQ(quantiles.size(), 10U);
  // Of the sum of two uniform variables of 300 and 700: the first twentieth ends at sqrt(2 / 20 * 300 * 700).
  EXPECT_NEAR(quantiles.front(), 145, 3);
  EXPECT_NEAR(quantiles.front() + quantiles.back(), 999, 5);
  EXPECT_NEAR(quantiles[4] + quantiles[5], 999, 5);
}

TEST(IntensitySampleTest, LeavesOutABorderThatIsFilledWithOneValue) {
  const auto tissue = [](int y, int x) { return std::uint8_t(100 + (7 * y + 3 * x) % 50); };
  IntensitySample whole;
  whole.add(make_slice<std::uint8_t>(0, 200, 200, tissue));
  for (const std::uint8_t fill : {std::uint8_t(0), std::uint8_t(255)}) {
    IntensitySample padded;
    padded.add(
        make_slice<std::uint8_t>(0, 200, 400, [&](int y, int x) { return x < 200 ? tissue(y, x) : fill; }));
    EXPECT_NEAR(padded.moments_of_tissue().mean, whole.moments().mean, 0.5) << int{fill};
    EXPECT_NEAR(padded.moments_of_tissue().deviation(), whole.moments().deviation(), 0.5) << int{fill};
    EXPECT_GT(padded.moments().deviation(), 40) << int{fill};
    EXPECT_NEAR(padded.quantiles(3)[1], whole.quantiles(3)[1], 1) << int{fill};
  }
}

TEST(IntensitySampleTest, TwoValuesAreNoBorders) {
  IntensitySample sample;
  sample.add(make_slice<std::uint8_t>(0, 10, 10, [](int, int x) { return std::uint8_t(x < 5 ? 3 : 9); }));
  EXPECT_EQ(sample.moments_of_tissue().deviation(), 3);
}

TEST(IntensitySampleTest, AHistogramIsInPartsOfAMillionAndKeepsWhatLiesBeyondInItsEnds) {
  IntensitySample sample;
  sample.add(make_slice<float>(0, 1, 40, [](int, int x) { return 0.05F * static_cast<float>(x) - 0.31F; }));
  const auto histogram = sample.histogram({0, 1}, 4);
  EXPECT_EQ(histogram, (std::vector<std::int64_t>{300000, 125000, 125000, 450000}));
}

TEST(IntensitySampleTest, RefusesWhatIsNotANumber) {
  IntensitySample sample;
  EXPECT_THROW(sample.add(make_slice<float>(
                   0, 2, 2, [](int, int) { return std::numeric_limits<float>::quiet_NaN(); })),
               BadSlice);
}

}  // namespace
}  // namespace fibflow::nodes
