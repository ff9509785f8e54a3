#include "nodes/intensity/feature_finder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "tests/fixtures/make_slice.h"

namespace fibflow::nodes {
namespace {

using testing::make_slice;

constexpr int height = 200;
constexpr int width = 264;

/// White noise with mean 0 and variance 1, fixed.
double noise(int y, int x, unsigned seed = 1) {
  std::mt19937 random(seed * 7919 + static_cast<unsigned>(y * 100003 + x));
  random.discard(3);
  double sum = 0;
  for (int i = 0; i < 12; ++i) sum += static_cast<double>(random()) / 4294967296.0;
  return sum - 6;
}

/// Organelles of some 12 pixels.
double texture(int y, int x) {
  return std::sin(0.31 * x + 0.2 * std::sin(0.11 * y)) * std::cos(0.27 * y + 0.3 * std::sin(0.07 * x)) +
         0.6 * std::sin(0.093 * x * 1.3 + 0.17 * y);
}

/// The cell is on the left, resin on the right of this column.
constexpr int edge = 104;

/// noise_level and contrast in gray levels.
double gray(int y, int x, double noise_level, double contrast) {
  const double tissue = x < edge ? 120 + contrast * texture(y, x) : 190;
  return tissue + noise_level * noise(y, x);
}

template <typename T>
io::Slice cell_in_resin(double noise_level, double contrast, double scale = 1, double offset = 0) {
  return make_slice<T>(0, height, width, [=](int y, int x) {
    const double value = scale * gray(y, x, noise_level, contrast) + offset;
    if constexpr (std::is_same_v<T, float>) return static_cast<float>(value);
    return static_cast<T>(std::lround(std::clamp(value, 0.0, scale * 255 + offset)));
  });
}

/// Pixels of a rectangle that count, as a share.
double counted(const model::CountedArea& area, const model::Region& region) {
  return area.part(region).share();
}

const model::Region cell{{0, height}, {0, edge}};
/// What is more than a block away from the cell.
const model::Region resin{{0, height}, {128, width}};

TEST(FeatureFinderTest, TellsACellFromResinAtAnyNoiseLevel) {
  for (const double level : {1.0, 4.0, 9.0, 16.0}) {
    const auto area = FeatureFinder()(cell_in_resin<std::uint8_t>(level, 30));
    EXPECT_EQ(area.height(), height);
    EXPECT_EQ(area.width(), width);
    EXPECT_GE(counted(area, cell), 0.99) << level;
    EXPECT_LE(counted(area, resin), 0.01) << level;
  }
}

TEST(FeatureFinderTest, BrightnessAndContrastOfTheAcquisitionDoNotMatter) {
  const auto expected = FeatureFinder()(cell_in_resin<float>(8, 30));
  for (const auto& [scale, offset] : {std::pair{0.001, 0.0}, {1.0, -3000.0}, {0.03, 5000.0}, {-2.5, 100.0}}) {
    const auto area = FeatureFinder()(cell_in_resin<float>(8, 30, scale, offset));
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x)
        ASSERT_EQ(area.counts(y, x), expected.counts(y, x))
            << scale << ", " << offset << " at " << y << ", " << x;
    }
  }
}

TEST(FeatureFinderTest, TheTypeOfThePixelsDoesNotMatter) {
  const auto bytes = FeatureFinder()(cell_in_resin<std::uint8_t>(8, 30));
  const auto words = FeatureFinder()(cell_in_resin<std::uint16_t>(8, 30, 257));
  const auto floats = FeatureFinder()(cell_in_resin<float>(8, 30, 1.0 / 255));
  EXPECT_GT(bytes.share(), 0.3);
  EXPECT_LT(bytes.share(), 0.6);
  EXPECT_NEAR(words.share(), bytes.share(), 0.01);
  EXPECT_NEAR(floats.share(), bytes.share(), 0.01);
}

TEST(FeatureFinderTest, ABlackBorderIsFeatureless) {
  const auto slice = make_slice<std::uint8_t>(0, height, width, [](int y, int x) {
    return static_cast<std::uint8_t>(x >= edge ? 0 : std::lround(120 + 30 * texture(y, x) + 9 * noise(y, x)));
  });
  const auto area = FeatureFinder()(slice);
  EXPECT_GE(counted(area, cell), 0.99);
  EXPECT_EQ(counted(area, resin), 0);
}

TEST(FeatureFinderTest, CurtainsAndGradientsInResinAreNoFeatures) {
  const auto slice = make_slice<std::uint8_t>(0, height, width, [](int y, int x) {
    const double curtain = 5 * noise(0, x, 3);
    return static_cast<std::uint8_t>(
        std::lround(std::clamp(gray(y, x, 8, 30) + curtain + 0.05 * x - 0.1 * y, 0.0, 255.0)));
  });
  const auto area = FeatureFinder()(slice);
  EXPECT_GE(counted(area, cell), 0.99);
  EXPECT_LE(counted(area, resin), 0.02);
}

TEST(FeatureFinderTest, OfPureResinNothingCounts) {
  const auto slice = make_slice<std::uint8_t>(0, height, width, [](int y, int x) {
    return static_cast<std::uint8_t>(std::lround(190 + 9 * noise(y, x)));
  });
  EXPECT_EQ(FeatureFinder()(slice).share(), 0);
  const auto black = make_slice<float>(0, height, width, [](int, int) { return 0.1F; });
  EXPECT_EQ(FeatureFinder()(black).share(), 0);
}

TEST(FeatureFinderTest, OfTissueEverythingCounts) {
  const auto slice = make_slice<std::uint8_t>(0, height, width, [](int y, int x) {
    return static_cast<std::uint8_t>(
        std::lround(std::clamp(120 + 30 * texture(y, x) + 9 * noise(y, x), 0.0, 255.0)));
  });
  EXPECT_EQ(FeatureFinder()(slice).share(), 1);
}

TEST(FeatureFinderTest, ASliceThatIsTooSmallToJudgeCounts) {
  const auto slice = make_slice<std::uint8_t>(0, 47, 500, [](int, int) { return std::uint8_t{7}; });
  EXPECT_EQ(FeatureFinder()(slice).share(), 1);
  const auto smallest = make_slice<std::uint8_t>(0, 48, 48, [](int, int) { return std::uint8_t{7}; });
  EXPECT_EQ(FeatureFinder()(smallest).share(), 0);
}

}  // namespace
}  // namespace fibflow::nodes
