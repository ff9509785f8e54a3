#include "nodes/tiles/tile_runner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "tests/fixtures/small_network.h"

namespace fibflow::nodes {
namespace {

using testing::textured_slice;

constexpr int height = 40;
constexpr int width = 56;

class TileRunnerTest : public ::testing::Test {
 protected:
  Snapshot frozen() const { return {model::PlanKind::frozen, inference.freeze(*source), source}; }
  Snapshot measured() const { return {model::PlanKind::measured, inference.weights(), source}; }

  static std::vector<float> copy(std::span<const float> values) { return {values.begin(), values.end()}; }

  const model::Network network = testing::small_network();
  const model::Inference inference{network, height, width};
  const std::shared_ptr<const model::Statistics> source =
      std::make_shared<const model::Statistics>(network.source_statistics());
  const TileRunner run{inference};
  const PreparedSlice image{0, textured_slice(0, height, width), {1.0 / 60, -2}};
  const model::Region core{{8, 32}, {16, 48}};
  Worker worker;
};

TEST_F(TileRunnerTest, FrozenStatisticsGiveWhatMeasuredOnesGive) {
  const std::vector<float> expected = copy(run.predict(image, core, frozen(), worker));
  ASSERT_EQ(expected.size(), static_cast<std::size_t>(core.area() * network.output_channels()));
  const std::vector<float> found = copy(run.predict(image, core, measured(), worker));
  for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(found[i], expected[i], 1e-4);
  EXPECT_EQ(run.measure(image, core, measured(), worker).layers.size(), network.batch_norms().size());
}

TEST_F(TileRunnerTest, NothingIsMeasuredWithFrozenStatistics) {
  EXPECT_THROW(run.measure(image, core, frozen(), worker), std::invalid_argument);
}

TEST_F(TileRunnerTest, TheMirrorImageIsTurnedBack) {
  // The mirrored view of a slice is the view of the mirrored slice, turned back.
  const auto voxels = image.slice.as<std::uint8_t>();
  auto turned = std::make_shared<std::byte[]>(static_cast<std::size_t>(height * width));
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x)
      turned[static_cast<std::size_t>(y * width + x)] =
          static_cast<std::byte>(voxels[static_cast<std::size_t>(y * width + width - 1 - x)]);
  }
  const PreparedSlice other{0, io::Slice(0, height, width, io::PixelType::u8, std::move(turned)),
                            image.affine};
  const model::Region there{core.y, {width - core.x.end, width - core.x.begin}};
  std::vector<float> expected = copy(run.predict(other, there, frozen(), worker));
  for (auto row = expected.begin(); row != expected.end(); row += core.width())
    std::reverse(row, row + core.width());
  EXPECT_EQ(copy(run.predict(image, core, frozen(), worker, Mirror{true, false})), expected);
  EXPECT_NE(copy(run.predict(image, core, frozen(), worker)), expected);
}

TEST_F(TileRunnerTest, TurnedTwiceItIsAsItWas) {
  const auto voxels = image.slice.as<std::uint8_t>();
  auto turned = std::make_shared<std::byte[]>(static_cast<std::size_t>(height * width));
  for (std::size_t i = 0; i < voxels.size(); ++i)
    turned[voxels.size() - 1 - i] = static_cast<std::byte>(voxels[i]);
  const PreparedSlice other{0, io::Slice(0, height, width, io::PixelType::u8, std::move(turned)),
                            image.affine};
  const model::Region there{{height - core.y.end, height - core.y.begin},
                            {width - core.x.end, width - core.x.begin}};
  std::vector<float> expected = copy(run.predict(other, there, frozen(), worker));
  std::ranges::reverse(expected);  // one channel
  EXPECT_EQ(copy(run.predict(image, core, frozen(), worker, {true, true})), expected);
  EXPECT_NE(copy(run.predict(image, core, frozen(), worker, {false, true})), expected);
}

TEST_F(TileRunnerTest, WhatDoesNotCountIsPredictedButNotMeasured) {
  PreparedSlice half = image;
  std::vector<std::uint8_t> counts(static_cast<std::size_t>(height / 8 * width / 8), 1);
  for (std::size_t i = 0; i < counts.size(); i += 2) counts[i] = 0;
  half.counted.emplace(height, width, 8, counts);
  const std::vector<float> output = copy(run.predict(image, core, measured(), worker));
  EXPECT_EQ(copy(run.predict(half, core, measured(), worker)), output);
  EXPECT_LT(run.measure(half, core, measured(), worker).layers[0].count,
            run.measure(image, core, measured(), worker).layers[0].count);
}

TEST_F(TileRunnerTest, ACoreOutsideTheSliceIsRefused) {
  EXPECT_THROW(run.predict(image, {{0, height + 1}, {0, 8}}, frozen(), worker), std::invalid_argument);
}

}  // namespace
}  // namespace fibflow::nodes
