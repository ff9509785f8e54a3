#include "pipeline/pictures/live_picture.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>

#include "pipeline/pictures/overlay.h"

namespace fibflow::pipeline {
namespace {

template <typename T>
io::Slice slice_of(int height, int width, io::PixelType type, const std::function<T(int, int)>& value) {
  const auto size = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  std::shared_ptr<std::byte[]> bytes(new std::byte[size * sizeof(T)]);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const T voxel = value(y, x);
      std::memcpy(bytes.get() + static_cast<std::size_t>(y * width + x) * sizeof(T), &voxel, sizeof(T));
    }
  }
  return io::Slice(0, height, width, type, bytes);
}

io::Slice mask_of(int height, int width, const std::function<std::uint8_t(int, int)>& value) {
  return slice_of<std::uint8_t>(height, width, io::PixelType::u8, value);
}

TEST(LivePictureTest, ShrinksToTheLongestSideAndKeepsTheShape) {
  const auto image = slice_of<std::uint16_t>(1001, 500, io::PixelType::u16,
                                             [](int y, int) { return static_cast<std::uint16_t>(60 * y); });
  const LivePicture picture =
      make_live_picture(42, image, mask_of(1001, 500, [](int y, int) { return y < 500 ? 255 : 0; }), 100);
  EXPECT_EQ(picture.z, 42);
  EXPECT_EQ(picture.height, 100);
  EXPECT_EQ(picture.width, 50);
  ASSERT_EQ(picture.image->size(), 5000U);
  EXPECT_EQ(picture.image->front(), 0);
  EXPECT_EQ(picture.image->back(), 255);
  EXPECT_NEAR((*picture.image)[50 * 50], 128, 2);
  EXPECT_EQ((*picture.mask)[49 * 50], 255);
  EXPECT_EQ((*picture.mask)[51 * 50], 0);
}

TEST(LivePictureTest, SmallSlicesStayAsTheyAre) {
  const auto image = slice_of<float>(4, 6, io::PixelType::f32, [](int y, int x) { return y * 6.0F + x; });
  const LivePicture picture = make_live_picture(
      0, image, mask_of(4, 6, [](int y, int x) { return static_cast<std::uint8_t>(y + x); }));
  EXPECT_EQ(picture.height, 4);
  EXPECT_EQ((*picture.mask)[6 + 2], 3);
}

TEST(LivePictureTest, ValuesThatAreNotNumbersAndEvenGrayDoNoHarm) {
  const auto image = slice_of<float>(4, 4, io::PixelType::f32, [](int y, int) {
    return y == 0 ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
  });
  const LivePicture picture = make_live_picture(0, image, mask_of(4, 4, [](int, int) { return 0; }));
  EXPECT_EQ((*picture.image)[0], 128);
}

TEST(LivePictureTest, RefusesAMaskThatDoesNotFit) {
  const auto image = mask_of(4, 4, [](int, int) { return 0; });
  EXPECT_THROW(make_live_picture(0, image, mask_of(4, 5, [](int, int) { return 0; })), std::invalid_argument);
  EXPECT_THROW(
      make_live_picture(0, image, slice_of<float>(4, 4, io::PixelType::f32, [](int, int) { return 0.0F; })),
      std::invalid_argument);
}

TEST(OverlayTest, LeavesTheBackgroundClearAndMarksTheOutline) {
  const auto image = mask_of(20, 20, [](int, int) { return 100; });
  const auto mask =
      mask_of(20, 20, [](int y, int x) { return y >= 4 && y < 16 && x >= 4 && x < 16 ? 255 : 0; });
  const LivePicture picture = make_live_picture(0, image, mask);
  const auto overlay = mask_overlay(picture);
  const auto alpha = [&](int y, int x) { return overlay[static_cast<std::size_t>(4 * (20 * y + x) + 3)]; };
  EXPECT_EQ(alpha(0, 0), 0);
  EXPECT_EQ(alpha(3, 10), 0);
  EXPECT_EQ(alpha(4, 10), 255);
  EXPECT_EQ(alpha(5, 10), 255);
  EXPECT_GT(alpha(10, 10), 0);
  EXPECT_LT(alpha(10, 10), 255);
  const auto whole = overlaid(picture);
  EXPECT_EQ(whole[0], (*picture.image)[0]);
  EXPECT_EQ(whole[static_cast<std::size_t>(3 * (20 * 4 + 10))],
            overlay[static_cast<std::size_t>(4 * (20 * 4 + 10))]);
}

TEST(OverlayTest, ClassesHaveTheirOwnColors) {
  const auto classes = mask_of(9, 9, [](int y, int) { return static_cast<std::uint8_t>(1 + y / 3); });
  const auto overlay = mask_overlay(make_live_picture(0, classes, classes));
  EXPECT_NE(overlay[0], overlay[4 * 9 * 4]);
  EXPECT_NE(overlay[4 * 9 * 4], overlay[4 * 9 * 8]);
}

}  // namespace
}  // namespace fibflow::pipeline
