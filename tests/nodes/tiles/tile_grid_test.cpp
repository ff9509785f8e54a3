#include "nodes/tiles/tile_grid.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace fibflow::nodes {
namespace {

struct Shape {
  int height, width, tile, alignment;
};

const Shape shapes[] = {{1024, 1024, 256, 16}, {520, 520, 256, 16}, {1025, 33, 512, 16}, {7, 5, 64, 16},
                        {1000, 17, 16, 16},    {300, 301, 100, 1},  {257, 511, 40, 32},  {64, 64, 1, 8}};

TEST(TileGridTest, CoversEachPixelOnce) {
  for (const Shape& s : shapes) {
    const TileGrid grid(s.height, s.width, s.tile, s.alignment);
    std::vector<int> covered(static_cast<std::size_t>(s.height * s.width));
    for (const model::Region& core : grid.cores()) {
      for (int y = core.y.begin; y < core.y.end; ++y) {
        for (int x = core.x.begin; x < core.x.end; ++x) ++covered[static_cast<std::size_t>(y * s.width + x)];
      }
    }
    EXPECT_EQ(std::count(covered.begin(), covered.end(), 1), static_cast<std::ptrdiff_t>(covered.size()))
        << s.height << " x " << s.width;
  }
}

TEST(TileGridTest, CoresBeginAtMultiplesOfTheAlignment) {
  for (const Shape& s : shapes) {
    const TileGrid grid(s.height, s.width, s.tile, s.alignment);
    for (const model::Region& core : grid.cores()) {
      EXPECT_EQ(core.y.begin % s.alignment, 0);
      EXPECT_EQ(core.x.begin % s.alignment, 0);
    }
  }
}

TEST(TileGridTest, CoresAreNoLargerThanTheTile) {
  for (const Shape& s : shapes) {
    const TileGrid grid(s.height, s.width, s.tile, s.alignment);
    for (const model::Region& core : grid.cores()) {
      EXPECT_LE(core.height(), std::max(s.tile, s.alignment));
      EXPECT_LE(core.width(), std::max(s.tile, s.alignment));
    }
  }
}

TEST(TileGridTest, SplitsIntoNearlyEqualCoresInsteadOfSlivers) {
  const TileGrid grid(520, 520, 512, 16);
  ASSERT_EQ(grid.size(), 4);
  EXPECT_EQ(grid.core(0).height(), 272);
  EXPECT_EQ(grid.core(3).height(), 248);
}

TEST(TileGridTest, NumbersTilesRowByRow) {
  const TileGrid grid(64, 96, 32, 32);
  ASSERT_EQ(grid.rows(), 2);
  ASSERT_EQ(grid.columns(), 3);
  EXPECT_EQ(grid.core(1), (model::Region{{0, 32}, {32, 64}}));
  EXPECT_EQ(grid.core(3), (model::Region{{32, 64}, {0, 32}}));
}

TEST(TileGridTest, AWholeSliceIsOneCore) {
  const TileGrid grid = TileGrid::whole(520, 333);
  ASSERT_EQ(grid.size(), 1);
  EXPECT_EQ(grid.core(0), (model::Region{{0, 520}, {0, 333}}));
}

TEST(TileGridTest, AHugeTileDoesNotOverflow) {
  EXPECT_EQ(TileGrid(100, 100, 2147483647, 16).size(), 1);
}

TEST(TileGridTest, RejectsSizesThatAreNotPositive) {
  EXPECT_THROW(TileGrid(0, 5, 5, 5), std::invalid_argument);
  EXPECT_THROW(TileGrid(5, 5, 0, 5), std::invalid_argument);
  EXPECT_THROW(TileGrid(5, 5, 5, -1), std::invalid_argument);
}

}  // namespace
}  // namespace fibflow::nodes
