#include "nodes/intensity/gray_map.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>

#include "nodes/intensity/intensity_sample.h"
#include "nodes/intensity/random.h"
#include "tests/fixtures/make_slice.h"

namespace fibflow::nodes {
namespace {

constexpr int ranks = 200;

/// Between 0 and 1: skewed, as tissue's intensities are.
double tissue(int y, int x) {
  Random random{std::uint64_t(y), std::uint64_t(x)};
  return std::pow(random.uniform(), 1.5);
}

/// Voxels of a dull stack: from 0.3 to 0.7 of what is white.
template <typename T>
io::Slice dull(double white) {
  return testing::make_slice<T>(3, 96, 128, [&](int y, int x) {
    const double voxel = (0.3 + 0.4 * tissue(y, x)) * white;
    return static_cast<T>(std::is_floating_point_v<T> ? voxel : std::round(voxel));
  });
}

std::vector<double> quantiles_of(const io::Slice& slice) {
  IntensitySample sample;
  sample.add(slice);
  return sample.quantiles(ranks);
}

/// Of a training whose intensities are evenly spread from 0.1 to 0.9.
std::vector<double> even() {
  std::vector<double> quantiles;
  for (int i = 0; i < ranks; ++i) quantiles.push_back(0.1 + 0.8 * (i + 0.5) / ranks);
  return quantiles;
}

/// The largest distance of a slice's quantiles from the training's, in intensities.
double farthest(const io::Slice& slice, const IntensityRange& range) {
  const std::vector<double> found = quantiles_of(slice);
  const std::vector<double> training = even();
  double far = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const std::size_t rank = range.is_inverted() ? found.size() - 1 - i : i;
    far = std::max(far, std::abs(range.intensity_of(found[i]) - training[rank]));
  }
  return far;
}

TEST(GrayMapTest, GivesTheStackTheDistributionOfTheTraining) {
  const auto check = [](const io::Slice& slice, IntensityRange range, double most) {
    for (const IntensityRange& each : {range, range.inverted()}) {
      EXPECT_GT(farthest(slice, each), 0.15) << "it is not there already";
      const GrayMap map(slice.type(), each, quantiles_of(slice), even());
      const io::Slice mapped = map(slice);
      EXPECT_EQ(mapped.type(), slice.type());
      EXPECT_EQ(mapped.z(), slice.z());
      EXPECT_LT(farthest(mapped, each), most) << each.text();
    }
  };
  check(dull<float>(1), {0, 1}, 0.006);
  check(dull<std::uint16_t>(4095), {0, 65535}, 0.006);
  check(dull<std::uint16_t>(4095), {0, 4095}, 0.006);
  // The darkest gray levels each have many voxels here, and those stay together.
  check(dull<std::uint8_t>(255), {0, 255}, 0.05);
}

TEST(GrayMapTest, RisesAndGoesOnBeyondWhatWasSeen) {
  const GrayMap map(io::PixelType::f32, {0, 100}, {10, 20, 20, 20, 60}, {0.2, 0.3, 0.4, 0.5, 0.8});
  EXPECT_DOUBLE_EQ(map(10), 20);
  EXPECT_DOUBLE_EQ(map(20), 40) << "the mean of its ranks";
  EXPECT_DOUBLE_EQ(map(15), 30);
  EXPECT_DOUBLE_EQ(map(60), 80);
  EXPECT_DOUBLE_EQ(map(70), 92) << "with the mean slope, 1.2";
  EXPECT_DOUBLE_EQ(map(0), 8);
  double before = map(-1);
  for (double voxel = 0; voxel < 100; ++voxel) {
    EXPECT_GT(map(voxel), before);
    before = map(voxel);
  }
}

TEST(GrayMapTest, IntegersEndWithTheirType) {
  const GrayMap map(io::PixelType::u8, {0, 255}, {100, 200}, {0.0, 1.0});
  const auto slice = testing::make_slice<std::uint8_t>(
      0, 1, 4, [](int, int x) { return static_cast<std::uint8_t>(75 + 50 * x); });
  const auto mapped = map(slice);
  EXPECT_EQ(std::vector<int>(mapped.as<std::uint8_t>().begin(), mapped.as<std::uint8_t>().end()),
            (std::vector<int>{0, 64, 191, 255}));
  EXPECT_THROW(map(testing::make_slice<float>(0, 1, 1, [](int, int) { return 0.F; })), std::logic_error);
}

TEST(GrayMapTest, ABlankStackIsOnlyShifted) {
  const GrayMap map(io::PixelType::f32, {0, 1}, {0.25, 0.25}, {0.5, 0.7});
  EXPECT_DOUBLE_EQ(map(0.25), 0.6);
  EXPECT_DOUBLE_EQ(map(0.35), 0.7);
}

TEST(GrayMapTest, NeighboursComeAlong) {
  const auto constant = [](std::int64_t z, float value) {
    return testing::make_slice<float>(z, 2, 2, [=](int, int) { return value; });
  };
  const io::Slice middle = constant(1, 0.5F);
  const io::Slice among = middle.among({constant(0, 0), middle, constant(2, 1)});
  const io::Slice mapped = GrayMap(io::PixelType::f32, {0, 1}, {0, 1}, {0.25, 0.75})(among);
  ASSERT_EQ(mapped.neighbours(), 3U);
  EXPECT_EQ(mapped.as<float>()[0], 0.5F);
  EXPECT_EQ(mapped.neighbour(0).as<float>()[0], 0.25F);
  EXPECT_EQ(mapped.neighbour(1).as<float>()[0], 0.5F);
  EXPECT_EQ(mapped.neighbour(2).as<float>()[0], 0.75F);
}

TEST(GrayMapTest, RefusesWhatAreNoQuantiles) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const auto& wrong : {std::vector<double>{}, {1}, {2, 1}, {1, nan}, {1, 2, 3}}) {
    EXPECT_THROW(GrayMap(io::PixelType::u8, {0, 255}, wrong, {0.1, 0.9}), std::invalid_argument);
    EXPECT_THROW(GrayMap(io::PixelType::u8, {0, 255}, {10, 90}, wrong), std::invalid_argument);
  }
  EXPECT_TRUE(GrayMap().changes_nothing());
  EXPECT_EQ(GrayMap()(17), 17);
}

}  // namespace
}  // namespace fibflow::nodes
