#include "io/png/png.h"

#include <gtest/gtest.h>
#include <png.h>

#include <stdexcept>

#include "io/error.h"
#include "tests/fixtures/test_files.h"

namespace fibflow::io {
namespace {

std::vector<std::uint8_t> read_png(const std::string& path, int channels, int& width, int& height) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_file(&image, path.c_str()) == 0) throw std::runtime_error(image.message);
  image.format = channels == 1 ? PNG_FORMAT_GRAY : channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_RGBA;
  width = static_cast<int>(image.width);
  height = static_cast<int>(image.height);
  std::vector<std::uint8_t> pixels(PNG_IMAGE_SIZE(image));
  if (png_image_finish_read(&image, nullptr, pixels.data(), 0, nullptr) == 0)
    throw std::runtime_error(image.message);
  return pixels;
}

TEST(PngTest, KeepsEveryPixel) {
  const testing::TemporaryFolder folder;
  for (const int channels : {1, 3, 4}) {
    std::vector<std::uint8_t> pixels;
    for (int i = 0; i < 7 * 5 * channels; ++i) pixels.push_back(static_cast<std::uint8_t>(i * 37));
    write_png(folder.path("a.png"), 7, 5, channels, pixels, true);
    int width = 0, height = 0;
    EXPECT_EQ(read_png(folder.path("a.png"), channels, width, height), pixels);
    EXPECT_EQ(width, 7);
    EXPECT_EQ(height, 5);
  }
}

TEST(PngTest, RefusesPixelsThatDoNotFit) {
  const testing::TemporaryFolder folder;
  const std::vector<std::uint8_t> pixels(35);
  EXPECT_THROW(write_png(folder.path("a.png"), 7, 6, 1, pixels), std::invalid_argument);
  EXPECT_THROW(write_png(folder.path("a.png"), 7, 5, 2, pixels), std::invalid_argument);
  EXPECT_THROW(write_png(folder.path("a.png"), 0, 5, 1, pixels), std::invalid_argument);
  EXPECT_TRUE(folder.contents().empty());
}

TEST(PngTest, DoesNotReplaceWithoutPermission) {
  const testing::TemporaryFolder folder;
  const std::vector<std::uint8_t> pixels(1);
  write_png(folder.path("a.png"), 1, 1, 1, pixels);
  EXPECT_THROW(write_png(folder.path("a.png"), 1, 1, 1, pixels), Error);
}

}  // namespace
}  // namespace fibflow::io
