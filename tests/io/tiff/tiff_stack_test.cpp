#include <gtest/gtest.h>
#include <tiff.h>

#include <algorithm>
#include <cstring>

#include "io/error.h"
#include "tests/fixtures/tiff_maker.h"
#include "tests/io/tiff/open_tiff.h"

namespace fibflow::io {
namespace {

using testing::failure;
using testing::make_tiff;
using testing::PageSpec;
using testing::pattern;
using testing::TemporaryFolder;
using testing::wrong_voxels;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

bool remarked(const StackInfo& info, const std::string& part) {
  return std::any_of(info.remarks.begin(), info.remarks.end(),
                     [&](const auto& r) { return contains(r, part); });
}

struct Layout {
  const char* name;
  PageSpec page;
  const char* mode = "w";
};

PageSpec spec(int bits, int format, int compression, int predictor, int tile) {
  PageSpec page;
  page.bits = bits;
  page.format = format;
  page.compression = compression;
  page.predictor = predictor;
  page.tile = tile;
  return page;
}

class TiffLayoutTest : public ::testing::TestWithParam<Layout> {};

TEST_P(TiffLayoutTest, ReadsEveryVoxelOfEveryPage) {
  const TemporaryFolder folder;
  const std::string path = folder.path("stack.tif");
  make_tiff(path, GetParam().page, 3, GetParam().mode);
  const auto stack = testing::open_tiff(path);
  ASSERT_EQ(stack->info().depth, 3);
  EXPECT_EQ(stack->info().height, 12);
  EXPECT_EQ(stack->info().width, 20);
  for (const int z : {2, 0, 1, 1}) {
    const Slice slice = stack->read(z);
    EXPECT_EQ(slice.z(), z);
    EXPECT_EQ(wrong_voxels(slice, z), 0) << "slice " << z;
  }
}

std::string bytes_of(const Slice& slice) {
  return {reinterpret_cast<const char*>(slice.data()), slice.size_bytes()};
}

TEST_P(TiffLayoutTest, ARegionIsThePartOfItsSlice) {
  const TemporaryFolder folder;
  const std::string path = folder.path("stack.tif");
  make_tiff(path, GetParam().page, 2, GetParam().mode);
  const auto stack = testing::open_tiff(path);
  const Slice slice = stack->read(1);
  for (const Interval y : {Interval{0, 12}, {0, 1}, {4, 6}, {5, 10}, {11, 12}, {3, 12}}) {
    for (const Interval x : {Interval{0, 20}, {0, 7}, {15, 17}, {19, 20}}) {
      const Slice part = stack->read_region(1, {y, x});
      EXPECT_EQ(part.z(), 1);
      EXPECT_EQ(part.height(), y.size());
      EXPECT_EQ(part.width(), x.size());
      EXPECT_EQ(bytes_of(part), bytes_of(slice.part({y, x})))
          << "rows " << y.begin << " to " << y.end << ", columns " << x.begin << " to " << x.end;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    , TiffLayoutTest,
    ::testing::Values(
        Layout{"U8Strips", spec(8, 1, COMPRESSION_NONE, 1, 0)},
        Layout{"U16Strips", spec(16, 1, COMPRESSION_NONE, 1, 0)},
        Layout{"F32Strips", spec(32, 3, COMPRESSION_NONE, 1, 0)},
        Layout{"U8Tiles", spec(8, 1, COMPRESSION_NONE, 1, 16)},
        Layout{"U16DeflateTiles", spec(16, 1, COMPRESSION_ADOBE_DEFLATE, 2, 16)},
        Layout{"F32LzwPredictedTiles", spec(32, 3, COMPRESSION_LZW, 3, 16)},
        Layout{"TilesLargerThanTheSlice", spec(8, 1, COMPRESSION_LZW, 1, 64)},
        Layout{"U8PackBits", spec(8, 1, COMPRESSION_PACKBITS, 1, 0)},
        Layout{"U16LzwPredicted", spec(16, 1, COMPRESSION_LZW, 2, 0)},
        Layout{"U8Zstd", spec(8, 1, COMPRESSION_ZSTD, 2, 0)},
        Layout{"U16Lzma", spec(16, 1, COMPRESSION_LZMA, 2, 0)},
        Layout{"U16BigEndian", spec(16, 1, COMPRESSION_NONE, 1, 0), "wb"},
        // libtiff itself does not read back what it writes with predictor 3 in foreign byte order.
        Layout{"F32BigEndianDeflate", spec(32, 3, COMPRESSION_ADOBE_DEFLATE, 1, 0), "wb"},
        Layout{"U16BigTiff", spec(16, 1, COMPRESSION_NONE, 1, 0), "w8"},
        Layout{"U16BigEndianBigTiffTiles", spec(16, 1, COMPRESSION_LZW, 2, 16), "w8b"}),
    [](const auto& tested) { return tested.param.name; });

struct Refusal {
  const char* name;
  int bits, format, samples, photometric;
  const char* says;
};

class TiffRefusalTest : public ::testing::TestWithParam<Refusal> {};

TEST_P(TiffRefusalTest, SaysWhatThePageIsAndWhatToConvertItTo) {
  const TemporaryFolder folder;
  PageSpec page;
  page.bits = GetParam().bits;
  page.format = GetParam().format;
  page.samples = GetParam().samples;
  page.photometric = GetParam().photometric;
  if (page.photometric == PHOTOMETRIC_PALETTE) page.palette.assign(std::size_t{1} << page.bits, 4000);
  make_tiff(folder.path("stack.tif"), page, 1);
  const std::string says = failure(folder.path("stack.tif"));
  EXPECT_TRUE(contains(says, folder.path("stack.tif") + ": page 1: ")) << says;
  EXPECT_TRUE(contains(says, GetParam().says)) << says;
  EXPECT_TRUE(contains(says, "convert it to")) << says;
}

INSTANTIATE_TEST_SUITE_P(, TiffRefusalTest,
                         ::testing::Values(Refusal{"SeventeenBit", 24, 1, 1, 1, "24-bit unsigned"},
                                           Refusal{"Complex", 64, 6, 1, 1, "complex"},
                                           Refusal{"Untyped", 8, 4, 1, 1, "untyped"},
                                           Refusal{"Cmyk", 8, 1, 4, 5, "CMYK"},
                                           Refusal{"Palette", 8, 1, 1, 3, "palette"},
                                           Refusal{"FloatMinIsWhite", 32, 3, 1, 0, "white"}),
                         [](const auto& tested) { return tested.param.name; });

class TiffStackTest : public ::testing::Test {
 protected:
  const TemporaryFolder folder_;
  const std::string path_ = folder_.path("stack.tif");
};

TEST_F(TiffStackTest, TellsFormatAndCompression) {
  make_tiff(path_, spec(8, 1, COMPRESSION_LZW, 1, 0), 1, "w8");
  const auto stack = testing::open_tiff(path_);
  EXPECT_EQ(stack->info().format, "BigTIFF");
  EXPECT_EQ(stack->info().compression, "lzw");
  EXPECT_EQ(stack->info().type, PixelType::u8);
  EXPECT_TRUE(stack->info().remarks.empty());
}

TEST_F(TiffStackTest, RefusesRegionsThatDoNotLieInASlice) {
  PageSpec page;
  make_tiff(path_, page, 1);
  const auto stack = testing::open_tiff(path_);
  for (const Region& wrong : {Region{{0, 13}, {0, 20}}, Region{{0, 12}, {1, 21}}, Region{{-1, 2}, {0, 2}},
                              Region{{3, 3}, {0, 2}}, Region{{0, 2}, {5, 4}}})
    EXPECT_THROW(stack->read_region(0, wrong), std::invalid_argument);
}

TEST_F(TiffStackTest, ARegionNeedsOnlyTheStripsThatItTouches) {
  PageSpec page;  // strips of five rows
  page.compression = COMPRESSION_ADOBE_DEFLATE;
  make_tiff(path_, page, 1);
  auto bytes = testing::read_bytes(path_);
  const std::size_t offsets = testing::entry(bytes, testing::directories(bytes)[0], TIFFTAG_STRIPOFFSETS);
  std::uint32_t list = 0;
  std::memcpy(&list, bytes.data() + offsets + 8, 4);
  std::uint32_t second = 0;
  std::memcpy(&second, bytes.data() + list + 4, 4);
  for (std::size_t i = 0; i < 8; ++i) bytes[second + i] = 0xff;
  testing::write_bytes(path_, bytes);
  const auto stack = testing::open_tiff(path_);
  EXPECT_NO_THROW(stack->read_region(0, {{0, 5}, {0, 20}}));
  EXPECT_NO_THROW(stack->read_region(0, {{10, 12}, {3, 9}}));
  try {
    stack->read_region(0, {{4, 6}, {0, 20}});
    ADD_FAILURE() << "a damaged strip was read";
  } catch (const Error& error) {
    EXPECT_TRUE(contains(error.what(), path_ + ": page 1: ")) << error.what();
    EXPECT_TRUE(contains(error.what(), "strip 1")) << error.what();
  }
}

TEST_F(TiffStackTest, TellsWhatDecodingTakesBesideTheSlice) {
  PageSpec strips;
  strips.compression = COMPRESSION_ADOBE_DEFLATE;
  make_tiff(path_, strips, 1);
  EXPECT_EQ(testing::open_tiff(path_)->info().decoding_bytes, 5U * 20);
  EXPECT_EQ(testing::open_tiff(path_)->info().slice_bytes(), 12U * 20);
  PageSpec tiles;
  tiles.tile = 16;
  make_tiff(path_, tiles, 1);
  EXPECT_EQ(testing::open_tiff(path_)->info().decoding_bytes, 2U * 16 * 16);
}

TEST_F(TiffStackTest, RefusesSlicesThatAreNotThere) {
  make_tiff(path_, PageSpec(), 2);
  const auto stack = testing::open_tiff(path_);
  EXPECT_THROW(stack->read(2), std::out_of_range);
  EXPECT_THROW(stack->read(-1), std::out_of_range);
}

TEST_F(TiffStackTest, InvertsMinIsWhiteAndSaysSo) {
  PageSpec page = spec(16, 1, COMPRESSION_NONE, 1, 0);
  page.photometric = PHOTOMETRIC_MINISWHITE;
  make_tiff(path_, page, 1);
  const auto stack = testing::open_tiff(path_);
  EXPECT_TRUE(remarked(stack->info(), "min-is-white"));
  const Slice slice = stack->read(0);
  EXPECT_EQ(slice.as<std::uint16_t>()[21], 0xffff - (pattern(0, 1, 1) & 0xffff));
}

TEST_F(TiffStackTest, ReadsAGrayRampPaletteAsGray) {
  PageSpec page;
  page.photometric = PHOTOMETRIC_PALETTE;
  for (int i = 0; i < 256; ++i) page.palette.push_back(static_cast<std::uint16_t>(i * 257));
  make_tiff(path_, page, 1);
  const auto stack = testing::open_tiff(path_);
  EXPECT_TRUE(stack->info().remarks.empty());
  EXPECT_EQ(wrong_voxels(stack->read(0), 0), 0);
}

TEST_F(TiffStackTest, ReadsAnnotationColoursAsTheirBrightnessAndSaysSo) {
  PageSpec page;
  page.photometric = PHOTOMETRIC_PALETTE;
  for (int i = 0; i < 256; ++i) page.palette.push_back(static_cast<std::uint16_t>(i * 257));
  const std::uint8_t used = pattern(0, 0, 0) & 0xff;
  page.palette[used] = 0x4000;
  make_tiff(path_, page, 1);
  const auto stack = testing::open_tiff(path_);
  EXPECT_TRUE(remarked(stack->info(), "palette"));
  EXPECT_EQ(stack->read(0).as<std::uint8_t>()[0], 0x40);
}

TEST_F(TiffStackTest, IgnoresTheOrientationTagAndSaysSo) {
  PageSpec page;
  page.orientation = ORIENTATION_BOTRIGHT;
  make_tiff(path_, page, 1);
  const auto stack = testing::open_tiff(path_);
  EXPECT_TRUE(remarked(stack->info(), "orientation"));
  EXPECT_EQ(wrong_voxels(stack->read(0), 0), 0);
}

TEST_F(TiffStackTest, LeavesOutThumbnailsAndMasks) {
  PageSpec thumbnail;
  thumbnail.width = 5;
  thumbnail.height = 3;
  thumbnail.subfile = FILETYPE_REDUCEDIMAGE;
  PageSpec mask = PageSpec();
  mask.subfile = FILETYPE_MASK;
  make_tiff(path_, {PageSpec(), thumbnail, PageSpec(), mask});
  const auto stack = testing::open_tiff(path_);
  ASSERT_EQ(stack->info().depth, 2);
  EXPECT_TRUE(remarked(stack->info(), "2 of 4 pages left out"));
  EXPECT_EQ(wrong_voxels(stack->read(0), 0), 0);
  EXPECT_EQ(wrong_voxels(stack->read(1), 2), 0);
}

TEST_F(TiffStackTest, RefusesAFileOfThumbnailsOnly) {
  PageSpec thumbnail;
  thumbnail.subfile = FILETYPE_REDUCEDIMAGE;
  make_tiff(path_, thumbnail, 2);
  EXPECT_TRUE(contains(failure(path_), "only thumbnails"));
}

TEST_F(TiffStackTest, NamesThePageThatDiffersInShape) {
  PageSpec other;
  other.width = 21;
  make_tiff(path_, {PageSpec(), PageSpec(), other});
  EXPECT_TRUE(contains(failure(path_), "page 3: 21 x 12 voxels instead of 20 x 12")) << failure(path_);
}

TEST_F(TiffStackTest, NamesThePageThatDiffersInType) {
  make_tiff(path_, {PageSpec(), spec(16, 1, COMPRESSION_NONE, 1, 0)});
  EXPECT_TRUE(contains(failure(path_), "page 2: 16-bit unsigned samples instead of 8-bit")) << failure(path_);
}

TEST_F(TiffStackTest, LetsCompressionChangeFromPageToPage) {
  make_tiff(path_, {PageSpec(), spec(8, 1, COMPRESSION_LZW, 1, 0), spec(8, 1, COMPRESSION_NONE, 1, 16)});
  const auto stack = testing::open_tiff(path_);
  for (int z = 0; z < 3; ++z) EXPECT_EQ(wrong_voxels(stack->read(z), z), 0) << z;
}

// ImageJ's own form of stacks beyond 4 GB: one directory, and all slices in one run.
std::vector<unsigned char> contiguous_file(const TemporaryFolder& folder, int images, int bits,
                                           const char* mode) {
  PageSpec page = spec(bits, 1, COMPRESSION_NONE, 1, 0);
  page.height = 12 * images;
  page.rows_per_strip = page.height;
  page.description =
      "ImageJ=1.53t\nimages=" + std::to_string(images) + "\nslices=" + std::to_string(images) + "\n";
  make_tiff(folder.path("tall.tif"), page, 1, mode);
  return testing::read_bytes(folder.path("tall.tif"));
}

void shorten_to_first_slice(std::vector<unsigned char>& bytes, int bits) {
  const std::size_t directory = testing::directories(bytes)[0];
  testing::put(bytes, testing::entry(bytes, directory, TIFFTAG_IMAGELENGTH) + 8, 2, 12);
  testing::put(bytes, testing::entry(bytes, directory, TIFFTAG_ROWSPERSTRIP) + 8, 2, 12);
  testing::put(bytes, testing::entry(bytes, directory, TIFFTAG_STRIPBYTECOUNTS) + 8, 2,
               static_cast<std::uint64_t>(12 * 20 * bits / 8));
}

TEST_F(TiffStackTest, ReadsAllSlicesBehindOneImageJDirectory) {
  for (const int bits : {8, 16}) {
    auto bytes = contiguous_file(folder_, 5, bits, "w");
    shorten_to_first_slice(bytes, bits);
    testing::write_bytes(path_, bytes);
    const auto stack = testing::open_tiff(path_);
    ASSERT_EQ(stack->info().depth, 5);
    ASSERT_EQ(stack->info().height, 12);
    const Slice slice = stack->read(3);
    EXPECT_EQ(slice.z(), 3);
    const std::uint32_t expected = pattern(0, 3 * 12 + 2, 7) & ((1u << bits) - 1);
    const std::size_t at = 2 * 20 + 7;
    EXPECT_EQ(bits == 8 ? slice.as<std::uint8_t>()[at] : slice.as<std::uint16_t>()[at], expected);
    for (const Region& region : {Region{{2, 9}, {0, 20}}, Region{{0, 12}, {3, 4}}, Region{{11, 12}, {5, 20}}})
      EXPECT_EQ(bytes_of(stack->read_region(3, region)), bytes_of(slice.part(region)));
  }
}

TEST_F(TiffStackTest, RefusesATruncatedRunOfImageJSlices) {
  PageSpec page = spec(8, 1, COMPRESSION_NONE, 1, 0);
  page.height = 36;
  page.rows_per_strip = 36;
  page.description = "ImageJ=1.53t\nimages=500\nslices=500\n";
  make_tiff(path_, page, 1);
  auto bytes = testing::read_bytes(path_);
  shorten_to_first_slice(bytes, 8);
  testing::write_bytes(path_, bytes);
  const std::string says = failure(path_);
  EXPECT_TRUE(contains(says, "500 images") && contains(says, "truncated")) << says;
}

TEST_F(TiffStackTest, TakesOnePageSavedWithTheDescriptionOfItsStack) {
  PageSpec page;
  page.description = "ImageJ=1.53t\nimages=40\nslices=40\n";
  make_tiff(path_, page, 1);
  const auto stack = testing::open_tiff(path_);
  EXPECT_EQ(stack->info().depth, 1);
  EXPECT_TRUE(remarked(stack->info(), "says 40 images, the file holds 1"));
}

TEST_F(TiffStackTest, RefusesSeveralChannels) {
  PageSpec page;
  page.description = "ImageJ=1.53t\nimages=4\nchannels=2\nslices=2\nhyperstack=true\n";
  make_tiff(path_, page, 4);
  EXPECT_TRUE(contains(failure(path_), "ImageJ describes 2 channels")) << failure(path_);
}

TEST_F(TiffStackTest, ReadsAFilmAsSlicesAndSaysSo) {
  PageSpec page;
  page.description = "ImageJ=1.53t\nimages=3\nframes=3\n";
  make_tiff(path_, page, 3);
  const auto stack = testing::open_tiff(path_);
  EXPECT_EQ(stack->info().depth, 3);
  EXPECT_TRUE(remarked(stack->info(), "3 time points"));
}

TEST_F(TiffStackTest, RefusesAFilmOfVolumes) {
  PageSpec page;
  page.description = "ImageJ=1.53t\nimages=4\nframes=2\nslices=2\n";
  make_tiff(path_, page, 4);
  EXPECT_TRUE(contains(failure(path_), "film of 2 volumes")) << failure(path_);
}

std::string ome(const std::string& pixels, const std::string& inside = "") {
  return "<OME><Image><Pixels " + pixels + ">" + inside + "</Pixels></Image></OME>";
}

TEST_F(TiffStackTest, RefusesOmeChannelsAndForeignPageOrder) {
  PageSpec page;
  page.description = ome("SizeC=\"2\" SizeZ=\"1\" SizeT=\"1\"");
  make_tiff(path_, page, 2);
  EXPECT_TRUE(contains(failure(path_), "OME-XML describes 2 channels")) << failure(path_);
  page.description = ome("SizeC=\"1\" SizeZ=\"2\" SizeT=\"1\"",
                         "<TiffData IFD=\"0\" FirstZ=\"1\"/><TiffData IFD=\"1\" FirstZ=\"0\"/>");
  make_tiff(path_, page, 2);
  EXPECT_TRUE(contains(failure(path_), "not in z order")) << failure(path_);
}

TEST_F(TiffStackTest, KeepsTheDescription) {
  PageSpec page;
  page.description = "a cell";
  make_tiff(path_, page, 1);
  EXPECT_EQ(testing::open_tiff(path_)->info().description, "a cell");
}

}  // namespace
}  // namespace fibflow::io
