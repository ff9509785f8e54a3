#include "io/memory_stack.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <vector>

namespace fibflow::io {
namespace {

Slice gray(std::uint8_t value, int height = 2, int width = 3, PixelType type = PixelType::u8) {
  const auto bytes = static_cast<std::size_t>(height * width) * bytes_per_voxel(type);
  auto voxels = std::make_shared<std::byte[]>(bytes);
  std::fill_n(voxels.get(), bytes, static_cast<std::byte>(value));
  return Slice(7, height, width, type, std::move(voxels));
}

TEST(MemoryStackTest, HoldsSlicesInTheirOrder) {
  MemoryStack stack("two", {gray(10), gray(20)});
  EXPECT_EQ(stack.info().path, "two");
  EXPECT_EQ(stack.info().depth, 2);
  EXPECT_EQ(stack.info().height, 2);
  EXPECT_EQ(stack.info().width, 3);
  EXPECT_EQ(stack.info().type, PixelType::u8);
  EXPECT_TRUE(stack.files().empty());
  for (const int z : {1, 0}) {
    const Slice slice = stack.read(z);
    EXPECT_EQ(slice.z(), z);
    EXPECT_EQ(slice.as<std::uint8_t>()[5], 10 * (z + 1));
  }
}

TEST(MemoryStackTest, MakesSlicesWhenTheyAreAskedFor) {
  StackInfo info;
  info.depth = 1000000;
  info.height = 2;
  info.width = 3;
  std::vector<std::int64_t> asked;
  MemoryStack stack(info, [&](std::int64_t z) {
    asked.push_back(z);
    return gray(5).at(z);
  });
  EXPECT_EQ(stack.read(999999).z(), 999999);
  EXPECT_EQ(stack.read(3).z(), 3);
  EXPECT_EQ(asked, (std::vector<std::int64_t>{999999, 3}));
}

TEST(MemoryStackTest, ReadsRegionsAndTellsThatSlicesAreApart) {
  MemoryStack stack("one", {gray(9, 4, 6)});
  const Slice part = stack.read_region(0, {{1, 3}, {2, 6}});
  EXPECT_EQ(part.height(), 2);
  EXPECT_EQ(part.width(), 4);
  EXPECT_EQ(stack.cheap_together(0), (Interval{0, 1}));
  EXPECT_THROW(stack.read_region(0, {{0, 5}, {0, 6}}), std::invalid_argument);
}

TEST(MemoryStackTest, RefusesSlicesThatAreNotThere) {
  MemoryStack stack("one", {gray(1)});
  EXPECT_THROW(stack.read(1), std::out_of_range);
  EXPECT_THROW(stack.read(-1), std::out_of_range);
}

TEST(MemoryStackTest, RefusesSlicesThatMakeNoStack) {
  EXPECT_THROW(MemoryStack("none", {}), std::invalid_argument);
  EXPECT_THROW(MemoryStack("sizes", {gray(1), gray(1, 3, 2)}), std::invalid_argument);
  EXPECT_THROW(MemoryStack("types", {gray(1), gray(1, 2, 3, PixelType::u16)}), std::invalid_argument);
}

}  // namespace
}  // namespace fibflow::io
