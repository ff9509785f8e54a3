#include "nodes/tiles/tile_cutter.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

#include "tests/fixtures/make_slice.h"

namespace fibflow::nodes {
namespace {

using testing::make_slice;

io::Slice numbered(int height, int width) {
  return make_slice<std::uint8_t>(0, height, width,
                                  [=](int y, int x) { return static_cast<std::uint8_t>(10 * y + x); });
}

std::vector<float> cut(const io::Slice& slice, const model::Region& region, int channels = 1,
                       Affine affine = {}) {
  std::vector<float> output(static_cast<std::size_t>(region.area()) * static_cast<std::size_t>(channels),
                            -1.0F);
  cut_tile(slice, affine, region, channels, output);
  return output;
}

TEST(TileCutterTest, CutsTheRegion) {
  EXPECT_EQ(cut(numbered(4, 5), {{1, 3}, {2, 5}}), (std::vector<float>{12, 13, 14, 22, 23, 24}));
}

TEST(TileCutterTest, ChannelsAreTheNeighboursOfASliceThatHasThem) {
  const auto plain = [](std::uint8_t value) {
    return make_slice<std::uint8_t>(0, 2, 2, [=](int, int) { return value; });
  };
  const io::Slice middle = plain(2);
  const io::Slice slice = middle.among({plain(1), middle, plain(3)});
  EXPECT_EQ(cut(slice, {{0, 1}, {1, 3}}, 3, {2, 0}), (std::vector<float>{2, 2, 4, 4, 6, 6}));
  EXPECT_EQ(cut(middle, {{0, 1}, {0, 1}}, 3), (std::vector<float>{2, 2, 2}));
  EXPECT_THROW(cut(slice, {{0, 1}, {0, 1}}, 5), std::logic_error);
}

TEST(TileCutterTest, MirrorsOutsideWithoutRepeatingTheBorder) {
  EXPECT_EQ(cut(numbered(1, 4), {{0, 1}, {-3, 7}}), (std::vector<float>{3, 2, 1, 0, 1, 2, 3, 2, 1, 0}));
  EXPECT_EQ(cut(numbered(3, 1), {{-1, 4}, {0, 1}}), (std::vector<float>{10, 0, 10, 20, 10}));
}

TEST(TileCutterTest, MirrorsAgainAndAgainWhereTheSliceIsSmall) {
  EXPECT_EQ(cut(numbered(1, 2), {{0, 1}, {-3, 5}}), (std::vector<float>{1, 0, 1, 0, 1, 0, 1, 0}));
  EXPECT_EQ(cut(numbered(1, 1), {{-1, 2}, {-1, 2}}), std::vector<float>(9, 0.0F));
}

TEST(TileCutterTest, CutsARegionBesideTheSlice) {
  EXPECT_EQ(cut(numbered(1, 5), {{0, 1}, {5, 7}}), (std::vector<float>{3, 2}));
}

TEST(TileCutterTest, AppliesTheAffineAndRepeatsTheGrayValue) {
  EXPECT_EQ(cut(numbered(2, 2), {{0, 1}, {0, 2}}, 3, {2, 1}), (std::vector<float>{1, 3, 1, 3, 1, 3}));
}

TEST(TileCutterTest, CutsEachVoxelType) {
  const auto wide =
      make_slice<std::uint16_t>(0, 1, 2, [](int, int x) { return static_cast<std::uint16_t>(60000 + x); });
  EXPECT_EQ(cut(wide, {{0, 1}, {0, 2}}), (std::vector<float>{60000, 60001}));
  const auto real = make_slice<float>(0, 1, 2, [](int, int x) { return x - 0.5F; });
  EXPECT_EQ(cut(real, {{0, 1}, {0, 2}}), (std::vector<float>{-0.5F, 0.5F}));
}

TEST(TileCutterTest, RejectsAnOutputOfAnotherSize) {
  std::vector<float> output(5);
  EXPECT_THROW(cut_tile(numbered(2, 2), {}, {{0, 2}, {0, 2}}, 1, output), std::logic_error);
}

}  // namespace
}  // namespace fibflow::nodes
