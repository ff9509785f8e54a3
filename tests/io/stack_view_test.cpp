#include "io/stack_view.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <vector>

#include "io/memory_stack.h"

namespace fibflow::io {
namespace {

/// Voxel 10 y + x.
Slice counting_slice(int height, int width) {
  const std::shared_ptr<std::byte[]> voxels(new std::byte[static_cast<std::size_t>(height * width)]);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) voxels[y * width + x] = static_cast<std::byte>(10 * y + x);
  }
  return {0, height, width, PixelType::u8, voxels};
}

TEST(StackViewTest, HasNoEdges) {
  MemoryStack whole("a", {counting_slice(5, 6)});
  StackView view(whole, {1, 2, 3, 1});
  EXPECT_EQ(view.info().height, 2);
  EXPECT_EQ(view.info().width, 2);
  EXPECT_EQ(view.info().cropped, (Margins{1, 2, 3, 1}));
  const Slice slice = view.read(0);
  EXPECT_EQ(slice.as<std::uint8_t>()[0], 13);
  EXPECT_EQ(slice.as<std::uint8_t>()[3], 24);
  EXPECT_EQ(view.read_region(0, {{1, 2}, {1, 2}}).as<std::uint8_t>()[0], 24);
  EXPECT_THROW(view.read_region(0, {{0, 3}, {0, 1}}), std::invalid_argument);
  const Slice back = slice.within(view.info().cropped);
  ASSERT_EQ(back.height(), 5);
  ASSERT_EQ(back.width(), 6);
  for (int y = 0; y < 5; ++y) {
    for (int x = 0; x < 6; ++x) {
      const bool inside = (y == 1 || y == 2) && (x == 3 || x == 4);
      EXPECT_EQ(back.as<std::uint8_t>()[static_cast<std::size_t>(6 * y + x)], inside ? 10 * y + x : 0);
    }
  }
}

TEST(StackViewTest, KnowsTheVoxelSizeBetter) {
  MemoryStack whole("a", {counting_slice(3, 3)});
  StackView view(whole, {}, {20, 0, 4});
  EXPECT_EQ(view.info().voxel_nm.z, 20);
  EXPECT_EQ(view.info().voxel_nm.y, whole.info().voxel_nm.y);
  EXPECT_EQ(view.info().voxel_nm.x, 4);
  EXPECT_EQ(view.read(0).as<std::uint8_t>()[4], 11);
}

TEST(StackViewTest, SlicesMayHaveTheirNeighbours) {
  std::vector<Slice> slices;
  for (int z = 0; z < 4; ++z) {
    const std::shared_ptr<std::byte[]> voxels(new std::byte[6]);
    std::fill_n(voxels.get(), 6, static_cast<std::byte>(10 * z));
    slices.emplace_back(z, 2, 3, PixelType::u8, voxels);
  }
  MemoryStack whole("a", slices);
  StackView view(whole, {0, 1, 0, 0}, {}, 3);
  const auto around = [&](const Slice& slice) {
    std::vector<int> values;
    for (std::size_t i = 0; i < slice.neighbours(); ++i)
      values.push_back(slice.neighbour(i).as<std::uint8_t>()[0]);
    return values;
  };
  for (const std::int64_t z : {0, 1, 2, 3, 1}) {
    const Slice slice = view.read(z);
    EXPECT_EQ(slice.height(), 1);
    EXPECT_EQ(slice.as<std::uint8_t>()[0], 10 * z);
    const int low = static_cast<int>(10 * std::max<std::int64_t>(z - 1, 0));
    const int high = static_cast<int>(10 * std::min<std::int64_t>(z + 1, 3));
    EXPECT_EQ(around(slice), (std::vector<int>{low, static_cast<int>(10 * z), high})) << z;
    EXPECT_EQ(around(view.read_region(z, {{0, 1}, {1, 2}})), around(slice));
    EXPECT_EQ(around(slice.part({{0, 1}, {1, 2}}).at(7)), around(slice));
  }
  EXPECT_THROW(StackView(whole, {}, {}, 2), std::invalid_argument);
}

TEST(StackViewTest, SomethingMustBeLeft) {
  MemoryStack whole("a", {counting_slice(3, 3)});
  EXPECT_THROW(StackView(whole, {2, 1, 0, 0}), std::invalid_argument);
  EXPECT_THROW(StackView(whole, {0, 0, -1, 0}), std::invalid_argument);
}

}  // namespace
}  // namespace fibflow::io
