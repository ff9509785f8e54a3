#include "nodes/scale/resampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "nodes/intensity/intensity.h"
#include "nodes/scale/scaler.h"
#include "tests/fixtures/memory_stack.h"

namespace fibflow::nodes {
namespace {

template <typename T>
std::vector<T> resampled(const std::vector<T>& voxels, GridSize from, GridSize to) {
  const io::Slice slice = testing::make_slice(3, from.height, from.width, voxels.data());
  const io::Slice result = Resampler(from, to)(slice);
  EXPECT_EQ(result.z(), 3);
  EXPECT_EQ((GridSize{result.height(), result.width()}), to);
  EXPECT_EQ(result.type(), slice.type());
  const auto values = result.as<T>();
  return {values.begin(), values.end()};
}

TEST(ResamplerTest, FewerPixelsAreTheMeanOverTheirArea) {
  EXPECT_EQ(resampled<float>({1, 3, 5, 7, 2, 4, 6, 8}, {2, 4}, {1, 2}), (std::vector<float>{2.5F, 6.5F}));
  // A pixel and a half each.
  const auto thirds = resampled<float>({3, 6, 9}, {1, 3}, {1, 2});
  EXPECT_FLOAT_EQ(thirds[0], (3 + 0.5F * 6) / 1.5F);
  EXPECT_FLOAT_EQ(thirds[1], (0.5F * 6 + 9) / 1.5F);
}

TEST(ResamplerTest, MorePixelsLieOnLinesBetweenCentres) {
  // Centres of the new ones lie a quarter of a pixel beside those of the old ones; beyond the outermost, they stand.
  EXPECT_EQ(resampled<float>({0, 4}, {1, 2}, {1, 4}), (std::vector<float>{0, 1, 3, 4}));
  EXPECT_EQ(resampled<float>({0, 8}, {2, 1}, {4, 1}), (std::vector<float>{0, 2, 6, 8}));
}

TEST(ResamplerTest, EachDirectionOnItsOwn) {
  EXPECT_EQ(resampled<float>({0, 4, 4, 8}, {2, 2}, {1, 4}), (std::vector<float>{2, 3, 5, 6}));
}

TEST(ResamplerTest, IntegersAreRoundedToTheNearest) {
  EXPECT_EQ(resampled<std::uint8_t>({0, 1, 254, 255, 255, 255}, {1, 6}, {1, 3}),
            (std::vector<std::uint8_t>{1, 255, 255}));
  EXPECT_EQ(resampled<std::uint16_t>({0, 3, 65535, 65535}, {1, 4}, {1, 2}),
            (std::vector<std::uint16_t>{2, 65535}));
}

TEST(ResamplerTest, KeepsTheMeanAndWhatIsTheSameEverywhere) {
  std::vector<float> voxels(37 * 53);
  for (std::size_t i = 0; i < voxels.size(); ++i) voxels[i] = static_cast<float>(i * 2654435761U % 1000);
  const auto mean = [](const std::vector<float>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  };
  for (const GridSize to : {GridSize{1, 1}, GridSize{19, 27}, GridSize{36, 52}}) {
    EXPECT_NEAR(mean(resampled(voxels, {37, 53}, to)), mean(voxels), 1e-3) << to.height;
  }
  for (const GridSize to : {GridSize{5, 7}, GridSize{37, 53}, GridSize{90, 61}}) {
    for (const std::uint8_t value : resampled(std::vector<std::uint8_t>(37 * 53, 201), {37, 53}, to))
      ASSERT_EQ(value, 201);
  }
}

TEST(ResamplerTest, TheSameGridLeavesTheVoxelsWhereTheyAre) {
  const std::vector<float> voxels(6, 1);
  const io::Slice slice = testing::make_slice(0, 2, 3, voxels.data());
  EXPECT_EQ(Resampler({2, 3}, {2, 3})(slice).data(), slice.data());
}

TEST(ResamplerTest, NeighboursAreScaledToo) {
  const std::vector<float> low(4, 1);
  const std::vector<float> high(4, 5);
  const io::Slice below = testing::make_slice(0, 2, 2, low.data());
  const io::Slice slice = testing::make_slice(1, 2, 2, high.data());
  const io::Slice scaled = Resampler({2, 2}, {1, 1})(slice.among({below, slice, below}));
  ASSERT_EQ(scaled.neighbours(), 3U);
  EXPECT_EQ(scaled.neighbour(0).as<float>()[0], 1);
  EXPECT_EQ(scaled.neighbour(1).as<float>()[0], 5);
  EXPECT_EQ(scaled.neighbour(2).height(), 1);
}

TEST(ResamplerTest, SizesAreRoundedAndNeverNothing) {
  EXPECT_EQ((GridSize{101, 7}.at({0.5, 2})), (GridSize{51, 14}));
  EXPECT_EQ((GridSize{3, 3}.at({0.01, 0.01})), (GridSize{1, 1}));
  EXPECT_THROW(Resampler({0, 1}, {1, 1}), std::invalid_argument);
  const std::vector<float> voxels(6, 1);
  EXPECT_THROW(Resampler({4, 4}, {2, 2})(testing::make_slice(0, 2, 3, voxels.data())), std::logic_error);
}

TEST(ScalerTest, RefusesWhatWouldSpread) {
  std::vector<float> voxels(16, 1);
  voxels[9] = std::numeric_limits<float>::quiet_NaN();
  const Scaler scale(Resampler({4, 4}, {2, 2}));
  try {
    (void)scale(testing::make_slice(0, 4, 4, voxels.data()));
    FAIL() << "a pixel that is no number was averaged";
  } catch (const BadSlice& error) {
    EXPECT_NE(std::string(error.what()).find("row 2, column 1"), std::string::npos) << error.what();
  }
  EXPECT_THROW((void)scale(testing::make_slice(0, 2, 8, voxels.data())), BadSlice);
}

}  // namespace
}  // namespace fibflow::nodes
