#include <gtest/gtest.h>
#include <png.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "io/error.h"
#include "io/png/png_format.h"
#include "tests/fixtures/stack_failure.h"
#include "tests/fixtures/test_files.h"

namespace fibflow::io {
namespace {

/// Rows as PNG stores them: samples of more than a byte the high byte first, packed ones the first in the high bits.
struct Picture {
  int bits = 8;
  int colour = PNG_COLOR_TYPE_GRAY;
  std::vector<std::vector<unsigned char>> rows;
  int width = 4;
  std::vector<png_color> palette = {};
  bool interlaced = false;
};

void write(const std::string& path, Picture picture) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_init_io(png, file);
  png_set_IHDR(png, info, static_cast<png_uint_32>(picture.width),
               static_cast<png_uint_32>(picture.rows.size()), picture.bits, picture.colour,
               picture.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  if (!picture.palette.empty())
    png_set_PLTE(png, info, picture.palette.data(), static_cast<int>(picture.palette.size()));
  std::vector<png_bytep> rows;
  for (auto& row : picture.rows) rows.push_back(row.data());
  png_set_rows(png, info, rows.data());
  png_write_png(png, info, PNG_TRANSFORM_IDENTITY, nullptr);
  png_destroy_write_struct(&png, &info);
  std::fclose(file);
}

class PngStackTest : public ::testing::Test {
 protected:
  std::unique_ptr<Stack> open(const Picture& picture, const OpenOptions& options = {}) {
    write(path_, picture);
    return png_format().open(path_, options);
  }
  template <typename T>
  std::vector<T> voxels(const Picture& picture, const OpenOptions& options = {}) {
    const Slice slice = open(picture, options)->read(0);
    const auto all = slice.as<T>();
    return {all.begin(), all.end()};
  }
  std::string failure() {
    return testing::failure(path_, [](const std::string& path) { return png_format().open(path, {}); });
  }

  const testing::TemporaryFolder folder_;
  const std::string path_ = folder_.path("slice.png");
};

TEST_F(PngStackTest, GrayIsReadAsItIsStored) {
  const auto stack = open({8, PNG_COLOR_TYPE_GRAY, {{1, 2, 3, 250}, {5, 6, 7, 8}}});
  EXPECT_EQ(stack->info().format, "PNG");
  EXPECT_EQ(stack->info().type, PixelType::u8);
  EXPECT_EQ(stack->info().height, 2);
  EXPECT_EQ(stack->info().width, 4);
  EXPECT_EQ(stack->info().depth, 1);
  EXPECT_EQ(voxels<std::uint8_t>({8, PNG_COLOR_TYPE_GRAY, {{1, 2, 3, 250}, {5, 6, 7, 8}}}),
            (std::vector<std::uint8_t>{1, 2, 3, 250, 5, 6, 7, 8}));
  EXPECT_EQ(voxels<std::uint16_t>({16, PNG_COLOR_TYPE_GRAY, {{1, 2, 0, 3, 0xff, 0xfe, 0, 0}}}),
            (std::vector<std::uint16_t>{0x0102, 3, 0xfffe, 0}));
  const Picture bits{1, PNG_COLOR_TYPE_GRAY, {{0b10110000}}};
  EXPECT_EQ(voxels<std::uint8_t>(bits), (std::vector<std::uint8_t>{1, 0, 1, 1}));
  EXPECT_EQ(open(bits)->info().bits, 1);
  EXPECT_EQ(voxels<std::uint8_t>({4, PNG_COLOR_TYPE_GRAY, {{0x1f, 0x70}}}),
            (std::vector<std::uint8_t>{1, 15, 7, 0}));
  Picture interlaced{8, PNG_COLOR_TYPE_GRAY, {{1, 2, 3, 4}, {5, 6, 7, 8}}};
  interlaced.interlaced = true;
  EXPECT_EQ(voxels<std::uint8_t>(interlaced), (std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST_F(PngStackTest, ColoursMustBeGray) {
  const Picture gray{8, PNG_COLOR_TYPE_RGB, {{1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4}}};
  EXPECT_EQ(voxels<std::uint8_t>(gray), (std::vector<std::uint8_t>{1, 2, 3, 4}));
  EXPECT_EQ(open(gray)->info().remarks.size(), 1U);
  const Picture colour{8, PNG_COLOR_TYPE_RGB, {{1, 1, 1, 2, 2, 9, 3, 3, 3, 4, 4, 4}}};
  write(path_, colour);
  EXPECT_NE(failure().find("row 0, column 1 has a colour"), std::string::npos) << failure();
  OpenOptions blue;
  blue.channel = 2;
  EXPECT_EQ(voxels<std::uint8_t>(colour, blue), (std::vector<std::uint8_t>{1, 9, 3, 4}));
  blue.channel = 3;
  EXPECT_THROW(open(colour, blue), Error);
  EXPECT_EQ(voxels<std::uint8_t>({8, PNG_COLOR_TYPE_GRAY_ALPHA, {{1, 0, 2, 255, 3, 7, 4, 8}}}),
            (std::vector<std::uint8_t>{1, 2, 3, 4}));
  EXPECT_EQ(voxels<std::uint16_t>({16, PNG_COLOR_TYPE_RGB_ALPHA, {{1, 2, 1, 2, 1, 2, 0, 0}}, 1}),
            (std::vector<std::uint16_t>{0x0102}));
}

TEST_F(PngStackTest, APaletteIsItsGraysOrTheNumbersOfLabels) {
  Picture picture{8, PNG_COLOR_TYPE_PALETTE, {{0, 1, 2, 1}}};
  picture.palette = {{10, 10, 10}, {20, 20, 20}, {200, 200, 200}};
  EXPECT_EQ(voxels<std::uint8_t>(picture), (std::vector<std::uint8_t>{10, 20, 200, 20}));
  OpenOptions labels;
  labels.labels = true;
  EXPECT_EQ(voxels<std::uint8_t>(picture, labels), (std::vector<std::uint8_t>{0, 1, 2, 1}));
}

TEST_F(PngStackTest, DamagedFilesAreRefusedAndNamed) {
  std::vector<std::vector<unsigned char>> rows(20, {1, 2, 3, 4});
  write(path_, {8, PNG_COLOR_TYPE_GRAY, rows});
  const auto whole = testing::read_bytes(path_);
  int refused = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    testing::write_bytes(path_, {whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)});
    const std::string says = failure();
    if (says.empty()) continue;
    ++refused;
    EXPECT_NE(says.find("slice.png: "), std::string::npos) << says;
  }
  EXPECT_EQ(refused, static_cast<int>(whole.size()));
  for (std::size_t at = 8; at < whole.size(); ++at) {
    auto bytes = whole;
    bytes[at] ^= 0x55;
    testing::write_bytes(path_, bytes);
    EXPECT_NO_FATAL_FAILURE(failure());
  }
  auto lying = whole;
  testing::put(lying, 16, 4, 0xffffff7f);
  testing::write_bytes(path_, lying);
  EXPECT_NE(failure().find("truncated or damaged"), std::string::npos) << failure();
  // 16,776,963 x 65,536 pixels: numbers that could be, in a larger file.
  const std::vector<unsigned char> large{0, 0xff, 0xff, 3, 0, 1, 0, 0};
  lying = whole;
  std::ranges::copy(large, lying.begin() + 16);
  lying[25] = PNG_COLOR_TYPE_RGB;
  testing::write_bytes(path_, lying);
  EXPECT_NE(failure().find("claims 16776963 x 65536 voxels in"), std::string::npos) << failure();
}

}  // namespace
}  // namespace fibflow::io
