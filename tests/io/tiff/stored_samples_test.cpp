#include "io/samples/stored_samples.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "io/error.h"
#include "io/tiff/tiff_stack.h"
#include "tests/fixtures/raw_tiff.h"
#include "tests/fixtures/stack_failure.h"
#include "tests/fixtures/test_files.h"

namespace fibflow::io {
namespace {

using testing::RawPage;

class StoredSamplesTest : public ::testing::Test {
 protected:
  TiffStack open(const std::vector<RawPage>& pages, const OpenOptions& options = {}) {
    testing::write_raw_tiff(path_, pages);
    return TiffStack(path_, false, options);
  }
  std::string refusal(const std::vector<RawPage>& pages, const OpenOptions& options = {}) {
    testing::write_raw_tiff(path_, pages);
    return testing::failure(
        path_, [&](const std::string& path) { return std::make_unique<TiffStack>(path, false, options); });
  }
  template <typename T>
  std::vector<T> voxels(TiffStack stack, std::int64_t z = 0) {
    const Slice slice = stack.read(z);
    const auto all = slice.as<T>();
    // A region has to have the same ones.
    const Region inner{{1, 3}, {1, 4}};
    const Slice part = stack.read_region(z, inner);
    EXPECT_EQ(std::memcmp(part.data(), slice.part(inner).data(), part.size_bytes()), 0);
    return {all.begin(), all.end()};
  }

  const testing::TemporaryFolder folder_;
  const std::string path_ = folder_.path("stack.tif");
};

/// 12 voxels of which the others follow from the first four.
template <typename T>
std::vector<T> twelve(T a, T b, T c, T d) {
  return {a, b, c, d, b, c, d, a, d, c, b, a};
}

RawPage page(int bits, int format) {
  RawPage page;
  page.bits = bits;
  page.format = format;
  return page;
}

const OpenOptions as_labels = [] {
  OpenOptions options;
  options.labels = true;
  return options;
}();

OpenOptions channel(int number) {
  OpenOptions options;
  options.channel = number;
  return options;
}

TEST_F(StoredSamplesTest, SignedOnesAreMovedUp) {
  const auto stored = twelve<std::int16_t>(-32768, -1, 0, 32767);
  auto stack = open({page(16, 2).with(stored)});
  EXPECT_EQ(stack.info().type, PixelType::u16);
  EXPECT_EQ(stack.info().zero, 32768);
  EXPECT_EQ(voxels<std::uint16_t>(open({page(16, 2).with(stored)})),
            twelve<std::uint16_t>(0, 32767, 32768, 65535));
  EXPECT_EQ(voxels<std::uint8_t>(open({page(8, 2).with(twelve<std::int8_t>(-128, -1, 0, 127))})),
            twelve<std::uint8_t>(0, 127, 128, 255));
  // Numbers of objects stay what they are.
  EXPECT_EQ(voxels<std::uint16_t>(open({page(16, 2).with(twelve<std::int16_t>(0, 1, 2, 300))}, as_labels)),
            twelve<std::uint16_t>(0, 1, 2, 300));
  EXPECT_NE(
      refusal({page(16, 2).with(stored)}, as_labels).find("row 0, column 0 is -32768, which is no label"),
      std::string::npos);
}

TEST_F(StoredSamplesTest, HalfAndDoubleOnesAreFloats) {
  const float inf = std::numeric_limits<float>::infinity();
  // 1, -2, the smallest above 0, 65504; then infinity and a NaN
  std::vector<std::uint16_t> half = {0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x7e00,
                                     0x8000, 0x3555, 0,      0,      0,      0};
  const auto read = voxels<float>(open({page(16, 3).with(half)}));
  EXPECT_EQ(read[0], 1);
  EXPECT_EQ(read[1], -2);
  EXPECT_EQ(read[2], 0x1p-24F);
  EXPECT_EQ(read[3], 65504);
  EXPECT_EQ(read[4], inf);
  EXPECT_TRUE(std::isnan(read[5]));
  EXPECT_TRUE(std::signbit(read[6]));
  EXPECT_FLOAT_EQ(read[7], 0.33325195F);
  EXPECT_EQ(voxels<float>(open({page(64, 3).with(twelve<double>(0, 0.25, -3, 1e9))})),
            twelve<float>(0, 0.25, -3, 1e9F));
}

TEST_F(StoredSamplesTest, WideWholeOnesMustFitSixteenBits) {
  EXPECT_EQ(voxels<std::uint16_t>(open({page(32, 1).with(twelve<std::uint32_t>(0, 1, 255, 65535))})),
            twelve<std::uint16_t>(0, 1, 255, 65535));
  EXPECT_EQ(voxels<std::uint16_t>(open({page(64, 2).with(twelve<std::int64_t>(0, 1, 255, 65535))})),
            twelve<std::uint16_t>(0, 1, 255, 65535));
  const std::string large = refusal({page(32, 1).with(twelve<std::uint32_t>(0, 1, 65536, 2))});
  EXPECT_NE(large.find("page 1: the voxel in row 0, column 2 is 65536, which is not within 0 to 65535"),
            std::string::npos)
      << large;
  EXPECT_NE(refusal({page(32, 2).with(twelve<std::int32_t>(0, -1, 5, 2))}).find("is -1"), std::string::npos);
  EXPECT_EQ(voxels<std::uint16_t>(
                open({page(64, 1).with(twelve<std::uint64_t>(0, 1, 65536, 1ULL << 60))}, as_labels)),
            twelve<std::uint16_t>(0, 1, 65535, 65535));
}

TEST_F(StoredSamplesTest, PackedOnesAreUnpacked) {
  RawPage bits = page(1, 1);  // 4 x 3: one byte for each row
  bits.data = {0b10110000, 0b01000000, 0b11110000};
  EXPECT_EQ(voxels<std::uint8_t>(open({bits})),
            (std::vector<std::uint8_t>{1, 0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 1}));
  EXPECT_EQ(open({bits}).info().bits, 1);
  bits.photometric = 0;
  EXPECT_EQ(voxels<std::uint8_t>(open({bits})),
            (std::vector<std::uint8_t>{0, 1, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0}));
  RawPage twelve_bits = page(12, 1);
  for (int row = 0; row < 3; ++row) {
    for (const int byte : {0x12, 0x3a, 0xbc, 0x00, 0x0f, 0xff})
      twelve_bits.data.push_back(static_cast<unsigned char>(byte));
  }
  const std::vector<std::uint16_t> row = {0x123, 0xabc, 0x000, 0xfff};
  std::vector<std::uint16_t> expected;
  for (int i = 0; i < 3; ++i) expected.insert(expected.end(), row.begin(), row.end());
  EXPECT_EQ(voxels<std::uint16_t>(open({twelve_bits})), expected);
  EXPECT_EQ(open({twelve_bits}).info().bits, 12);
  RawPage four = page(4, 1);
  for (int i = 0; i < 3; ++i) four.data.insert(four.data.end(), {0x1f, 0x80});
  EXPECT_EQ(voxels<std::uint8_t>(open({four}))[1], 15);
}

TEST_F(StoredSamplesTest, ColoursThatAreGrayAreGray) {
  RawPage rgb;
  rgb.samples = 3;
  rgb.photometric = 2;
  for (int i = 0; i < 12; ++i) rgb.data.insert(rgb.data.end(), 3, static_cast<unsigned char>(20 * i));
  auto stack = open({rgb});
  EXPECT_EQ(voxels<std::uint8_t>(open({rgb}))[11], 220);
  EXPECT_EQ(stack.info().remarks.size(), 1U);
  rgb.data[3 * 6 + 2] = 7;
  const std::string colour = refusal({rgb});
  EXPECT_NE(colour.find("row 1, column 2 has a colour"), std::string::npos) << colour;
  EXPECT_EQ(voxels<std::uint8_t>(open({rgb}, channel(2)))[6], 7);
  EXPECT_NE(refusal({rgb}, channel(3)).find("no channel 3"), std::string::npos);
}

TEST_F(StoredSamplesTest, OneOfSeveralSamplesIsChosen) {
  RawPage two;
  two.samples = 2;
  for (int i = 0; i < 12; ++i)
    two.data.insert(two.data.end(), {static_cast<unsigned char>(i), static_cast<unsigned char>(100 + i)});
  EXPECT_NE(refusal({two}).find("name one with --channel"), std::string::npos);
  EXPECT_EQ(voxels<std::uint8_t>(open({two}, channel(1)))[5], 105);
  RawPage planes = two;
  planes.planar = true;
  planes.data.clear();
  for (int i = 0; i < 24; ++i) planes.data.push_back(static_cast<unsigned char>(i));
  EXPECT_NE(refusal({planes}).find("in planes of their own): name one with --channel"), std::string::npos);
  EXPECT_EQ(voxels<std::uint8_t>(open({planes}, channel(1)))[0], 12);
}

TEST_F(StoredSamplesTest, AnArrayThatBecameColourPlanesIsItsSlices) {
  RawPage planes;
  planes.samples = 3;
  planes.planar = true;
  planes.photometric = 2;
  planes.description = R"({"shape": [3, 3, 4]})";
  for (int i = 0; i < 36; ++i) planes.data.push_back(static_cast<unsigned char>(i));
  auto stack = open({planes});
  ASSERT_EQ(stack.info().depth, 3);
  EXPECT_EQ(stack.info().remarks.size(), 1U);
  EXPECT_EQ(voxels<std::uint8_t>(open({planes}), 2)[0], 24);
}

/// Pages of one gray each.
std::vector<RawPage> grays(int pages, const std::string& description) {
  std::vector<RawPage> all;
  for (int i = 0; i < pages; ++i)
    all.push_back(RawPage().with(std::vector<std::uint8_t>(12, static_cast<std::uint8_t>(i))));
  all.front().description = description;
  return all;
}

std::vector<int> grays_of(TiffStack stack) {
  std::vector<int> grays;
  for (std::int64_t z = 0; z < stack.info().depth; ++z) grays.push_back(stack.read(z).as<std::uint8_t>()[0]);
  return grays;
}

TEST_F(StoredSamplesTest, ChannelsOfPagesAreNamedAndChosen) {
  const std::string by_pages = R"({"shape": [3, 2, 3, 4], "axes": "ZCYX"})";
  EXPECT_NE(refusal(grays(6, by_pages)).find("2 channels: name one with --channel, 0 to 1"),
            std::string::npos);
  EXPECT_EQ(grays_of(open(grays(6, by_pages), channel(1))), (std::vector<int>{1, 3, 5}));
  EXPECT_EQ(grays_of(open(grays(6, R"({"shape": [2, 3, 3, 4], "axes": "CZYX"})"), channel(1))),
            (std::vector<int>{3, 4, 5}));
  EXPECT_NE(refusal(grays(6, by_pages), channel(2)).find("no channel 2"), std::string::npos);
  EXPECT_NE(refusal(grays(6, R"({"shape": [3, 2, 3, 4]})")).find("along 2 dimensions"), std::string::npos);
  const std::string imagej = "ImageJ=1.53t\nimages=6\nchannels=2\nslices=3\nhyperstack=true\n";
  EXPECT_EQ(grays_of(open(grays(6, imagej), channel(0))), (std::vector<int>{0, 2, 4}));
  const auto ome = [](const std::string& order, const std::string& data) {
    return "<OME><Image><Pixels DimensionOrder='" + order + "' SizeC='2' SizeZ='3' SizeT='1'>" + data +
           "</Pixels></Image></OME>";
  };
  EXPECT_EQ(grays_of(open(grays(6, ome("XYCZT", "<TiffData/>")), channel(1))), (std::vector<int>{1, 3, 5}));
  EXPECT_EQ(grays_of(open(grays(6, ome("XYZCT", "")), channel(1))), (std::vector<int>{3, 4, 5}));
  std::string planes;
  for (int i = 0; i < 6; ++i) {
    planes += "<TiffData IFD='" + std::to_string(i) + "' FirstC='" + std::to_string(i % 2) + "' FirstZ='" +
              std::to_string(2 - i / 2) + "'/>";
  }
  EXPECT_EQ(grays_of(open(grays(6, ome("XYZCT", planes)), channel(1))), (std::vector<int>{5, 3, 1}));
  EXPECT_NE(refusal(grays(6, ome("XYZCT", planes))).find("name one with --channel"), std::string::npos);
  EXPECT_NE(refusal(grays(3, ""), channel(1)).find("there is no channel 1"), std::string::npos);
}

TEST_F(StoredSamplesTest, AnArrayInOneRunIsAllThere) {
  RawPage page;
  page.description = R"({"shape": [4, 3, 4], "truncated": true})";
  for (int i = 0; i < 48; ++i) page.data.push_back(static_cast<unsigned char>(i / 12));
  // The one page tells of its own voxels only.
  testing::write_raw_tiff(path_, {page});
  EXPECT_EQ(grays_of(TiffStack(path_)), (std::vector<int>{0, 1, 2, 3}));
}

TEST_F(StoredSamplesTest, TwoStacksInOneFileAreRefused) {
  auto pages = grays(6, R"({"shape": [3, 3, 4], "axes": "ZYX"})");
  pages[3].description = R"({"shape": [3, 3, 4], "axes": "ZYX"})";
  const std::string says = refusal(pages);
  EXPECT_NE(says.find("its first 3 pages are one by tifffile's description, and another begins with page 4"),
            std::string::npos)
      << says;
}

TEST_F(StoredSamplesTest, VolumetricPagesAndJpeg2000AreNamed) {
  RawPage volume = RawPage().with(std::vector<std::uint8_t>(12));
  volume.more = {{32997, 4}};
  EXPECT_NE(refusal({volume}).find("a volume of 4 slices in one page"), std::string::npos);
  RawPage jpeg = RawPage().with(std::vector<std::uint8_t>(12));
  jpeg.compression = 33003;
  EXPECT_NE(refusal({jpeg}).find("jpeg 2000"), std::string::npos) << refusal({jpeg});
}

TEST_F(StoredSamplesTest, ThumbnailsAfterEachImageAreLeftOut) {
  std::vector<RawPage> pages;
  for (int i = 0; i < 3; ++i) {
    pages.push_back(RawPage().with(std::vector<std::uint8_t>(12, static_cast<std::uint8_t>(i))));
    RawPage thumbnail;
    thumbnail.width = 2;
    thumbnail.height = 1;
    pages.push_back(thumbnail.with(std::vector<std::uint8_t>(2)));
  }
  EXPECT_EQ(grays_of(open(pages)), (std::vector<int>{0, 1, 2}));
  pages.pop_back();
  EXPECT_NE(refusal(pages), "");
}

TEST_F(StoredSamplesTest, LabelsAreNotInverted) {
  RawPage mask = RawPage().with(std::vector<std::uint8_t>{0, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 255});
  mask.photometric = 0;
  EXPECT_EQ(voxels<std::uint8_t>(open({mask}, as_labels))[1], 255);
  EXPECT_EQ(voxels<std::uint8_t>(open({mask}))[1], 0);
}

}  // namespace
}  // namespace fibflow::io
