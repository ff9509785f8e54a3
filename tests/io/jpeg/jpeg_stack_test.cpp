#include <gtest/gtest.h>

#include <cstdio>  // jpeglib.h needs it
#include <cstdlib>
#include <string>
#include <vector>

#include <jpeglib.h>

#include "io/error.h"
#include "io/jpeg/jpeg_format.h"
#include "tests/fixtures/stack_failure.h"
#include "tests/fixtures/test_files.h"

namespace fibflow::io {
namespace {

constexpr int width = 24;
constexpr int height = 16;

/// gray(y, x), with blue changed by `tint`.
unsigned char gray(int y, int x) {
  return static_cast<unsigned char>(40 + 8 * y + x);
}

void write(const std::string& path, int components, int tint = 0) {
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &bytes, &size);
  jpeg.image_width = width;
  jpeg.image_height = height;
  jpeg.input_components = components;
  jpeg.in_color_space = components == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 100, TRUE);
  jpeg_start_compress(&jpeg, TRUE);
  for (int y = 0; y < height; ++y) {
    std::vector<unsigned char> row;
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < components; ++c)
        row.push_back(static_cast<unsigned char>(gray(y, x) + (c == 2 ? tint : 0)));
    }
    JSAMPROW from = row.data();
    jpeg_write_scanlines(&jpeg, &from, 1);
  }
  jpeg_finish_compress(&jpeg);
  testing::write_bytes(path, {bytes, bytes + size});
  jpeg_destroy_compress(&jpeg);
  std::free(bytes);
}

class JpegStackTest : public ::testing::Test {
 protected:
  std::string failure() {
    return testing::failure(path_, [](const std::string& path) { return jpeg_format().open(path, {}); });
  }
  const testing::TemporaryFolder folder_;
  const std::string path_ = folder_.path("slice.jpg");
};

TEST_F(JpegStackTest, GrayIsRead) {
  for (const int components : {1, 3}) {
    write(path_, components);
    const auto stack = jpeg_format().open(path_, {});
    EXPECT_EQ(stack->info().format, "JPEG");
    EXPECT_EQ(stack->info().width, width);
    ASSERT_EQ(stack->info().height, height);
    EXPECT_EQ(stack->info().remarks.size(), components == 1 ? 1U : 2U);
    const Slice slice = stack->read(0);
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        EXPECT_NEAR(slice.as<std::uint8_t>()[static_cast<std::size_t>(y * width + x)], gray(y, x), 2);
      }
    }
  }
}

TEST_F(JpegStackTest, ColoursAreRefusedUnlessOneIsChosen) {
  write(path_, 3, 60);
  EXPECT_NE(failure().find("has a colour"), std::string::npos) << failure();
  OpenOptions green;
  green.channel = 1;
  EXPECT_NEAR(jpeg_format().open(path_, green)->read(0).as<std::uint8_t>()[0], gray(0, 0), 8);
}

TEST_F(JpegStackTest, AFileThatEndsEarlyIsRefused) {
  write(path_, 1);
  const auto whole = testing::read_bytes(path_);
  for (std::size_t size = 0; size + 2 < whole.size(); ++size) {
    testing::write_bytes(path_, {whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)});
    EXPECT_NE(failure().find("slice.jpg: "), std::string::npos) << size;
  }
}

}  // namespace
}  // namespace fibflow::io
