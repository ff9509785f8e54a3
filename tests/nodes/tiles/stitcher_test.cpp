#include "nodes/tiles/stitcher.h"

#include <gtest/gtest.h>

#include <cstring>
#include <stdexcept>

#include "tests/fixtures/prediction_format.h"

namespace fibflow::nodes {
namespace {

const TileGrid grid(5, 7, 3, 1);  // 2 x 3 tiles of different sizes

/// A prediction whose mask is the tile's number + 1 and whose probabilities are the pixels' own.
Prediction predict(std::int64_t order, int tile) {
  const model::Region core = grid.core(tile);
  Prediction p{order, order + 100, tile, core, {}};
  auto mask = std::make_shared<std::vector<std::byte>>(static_cast<std::size_t>(core.area()),
                                                       static_cast<std::byte>(tile + 1));
  auto probability = std::make_shared<std::vector<std::byte>>(mask->size() * sizeof(float));
  std::size_t i = 0;
  for (int y = core.y.begin; y < core.y.end; ++y) {
    for (int x = core.x.begin; x < core.x.end; ++x) {
      const auto value = static_cast<float>(10 * y + x);
      std::memcpy(probability->data() + sizeof(float) * i++, &value, sizeof value);
    }
  }
  p.labels = {.layers = {{Layer::mask, mask}, {Layer::probability, probability}},
              .foreground = core.area(),
              .expected = {}};
  return p;
}

TEST(StitcherTest, PutsEachTileInItsPlace) {
  Stitcher stitch(grid, testing::with_probability(io::PixelType::f32));
  Stitcher::Output slice;
  for (const int tile : {3, 0, 5, 1, 4, 2}) {
    ASSERT_FALSE(slice);
    slice = stitch(predict(2, tile));
  }
  ASSERT_TRUE(slice);
  EXPECT_EQ(slice->order, 2);
  EXPECT_EQ(slice->z(), 102);
  EXPECT_EQ(slice->foreground, 1);
  for (int t = 0; t < grid.size(); ++t) {
    const model::Region& core = grid.core(t);
    for (int y = core.y.begin; y < core.y.end; ++y) {
      for (int x = core.x.begin; x < core.x.end; ++x) {
        const auto pixel = static_cast<std::size_t>(y * 7 + x);
        EXPECT_EQ(slice->mask().as<std::uint8_t>()[pixel], t + 1);
        EXPECT_EQ(slice->layer(Layer::probability).as<float>()[pixel], static_cast<float>(10 * y + x));
      }
    }
  }
}

TEST(StitcherTest, KeepsSlicesApart) {
  Stitcher stitch(grid, {});
  for (int tile = 0; tile < 5; ++tile) {
    EXPECT_FALSE(stitch(predict(0, tile)));
    EXPECT_FALSE(stitch(predict(1, tile)));
  }
  EXPECT_EQ(stitch(predict(1, 5))->order, 1);
  EXPECT_EQ(stitch(predict(0, 5))->order, 0);
}

TEST(StitcherTest, RejectsSecondTileForOneCore) {
  Stitcher stitch(grid, {});
  stitch(predict(0, 1));
  EXPECT_THROW(stitch(predict(0, 1)), std::logic_error);
}

TEST(StitcherTest, RejectsATileOfAnotherGrid) {
  Stitcher stitch(grid, {});
  Prediction strange = predict(0, 1);
  strange.core.x.begin -= 1;
  EXPECT_THROW(stitch(strange), std::logic_error);
}

}  // namespace
}  // namespace fibflow::nodes
