#include "io/slice.h"

#include <gtest/gtest.h>

#include <cstring>
#include <stdexcept>
#include <vector>

namespace fibflow::io {
namespace {

std::shared_ptr<std::byte[]> voxels(std::size_t bytes) {
  return std::make_shared<std::byte[]>(bytes);
}

TEST(SliceTest, KnowsItsShapeAndSize) {
  const Slice slice(7, 3, 5, PixelType::u16, voxels(30));
  EXPECT_EQ(slice.z(), 7);
  EXPECT_EQ(slice.height(), 3);
  EXPECT_EQ(slice.width(), 5);
  EXPECT_EQ(slice.size_bytes(), 30u);
  EXPECT_EQ(slice.as<std::uint16_t>().size(), 15u);
}

TEST(SliceTest, CountsBytesBeyond32Bits) {
  EXPECT_EQ(Slice(0, 70000, 70000, PixelType::f32, voxels(1)).size_bytes(), 19600000000u);
}

TEST(SliceTest, RefusesToShowVoxelsAsAnotherType) {
  const Slice slice(0, 2, 2, PixelType::u8, voxels(4));
  EXPECT_THROW(slice.as<float>(), std::logic_error);
  EXPECT_THROW(slice.as<std::uint16_t>(), std::logic_error);
  EXPECT_NO_THROW(slice.as<std::uint8_t>());
}

TEST(SliceTest, RefusesImpossibleShapes) {
  EXPECT_THROW(Slice(0, 0, 5, PixelType::u8, voxels(1)), std::invalid_argument);
  EXPECT_THROW(Slice(0, 5, -1, PixelType::u8, voxels(1)), std::invalid_argument);
  EXPECT_THROW(Slice(0, 5, 5, PixelType::u8, nullptr), std::invalid_argument);
}

TEST(SliceTest, APartIsTheRectangleOfItsVoxels) {
  const auto numbers = voxels(3 * 5 * 2);
  for (std::uint16_t i = 0; i < 15; ++i) std::memcpy(numbers.get() + 2 * i, &i, 2);
  const Slice part = Slice(4, 3, 5, PixelType::u16, numbers).part({{1, 3}, {2, 5}});
  EXPECT_EQ(part.z(), 4);
  EXPECT_EQ(part.height(), 2);
  EXPECT_EQ(part.width(), 3);
  const auto values = part.as<std::uint16_t>();
  EXPECT_EQ(std::vector<std::uint16_t>(values.begin(), values.end()),
            (std::vector<std::uint16_t>{7, 8, 9, 12, 13, 14}));
}

TEST(SliceTest, RefusesPartsThatStickOut) {
  const Slice slice(0, 3, 5, PixelType::u8, voxels(15));
  for (const Region& wrong :
       {Region{{0, 4}, {0, 5}}, Region{{0, 3}, {-1, 2}}, Region{{2, 2}, {0, 5}}, Region{{0, 1}, {4, 6}}})
    EXPECT_THROW(slice.part(wrong), std::invalid_argument);
}

TEST(SliceTest, SharesItsVoxelsWithCopies) {
  const Slice slice(1, 2, 2, PixelType::u8, voxels(4));
  const Slice moved = slice.at(9);
  EXPECT_EQ(moved.z(), 9);
  EXPECT_EQ(slice.z(), 1);
  EXPECT_EQ(moved.data(), slice.data());
}

TEST(SliceTest, TypesHaveNamesAndSizes) {
  EXPECT_EQ(bytes_per_voxel(PixelType::u8), 1u);
  EXPECT_EQ(bytes_per_voxel(PixelType::u16), 2u);
  EXPECT_EQ(bytes_per_voxel(PixelType::f32), 4u);
  EXPECT_STREQ(name_of(PixelType::u8), "u8");
  EXPECT_STREQ(name_of(PixelType::u16), "u16");
  EXPECT_STREQ(name_of(PixelType::f32), "f32");
}

}  // namespace
}  // namespace fibflow::io
