#include "io/folder/slice_file.h"

#include <gtest/gtest.h>
#include <tiff.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <string>
#include <thread>

#include "tests/fixtures/tiff_maker.h"

namespace fibflow::io {
namespace {

using testing::PageSpec;
using testing::TemporaryFolder;
using State = SliceFileReading::State;

class SliceFileTest : public ::testing::Test {
 protected:
  /// Makes a file of one page and returns its bytes.
  std::vector<unsigned char> made(const PageSpec& page, const std::string& mode = "w") {
    testing::make_tiff(path_, page, 1, mode);
    return testing::read_bytes(path_);
  }

  TemporaryFolder folder_;
  const std::string path_ = folder_.path("slice_7.tif");
};

TEST_F(SliceFileTest, ReadsAWholeFileWithItsIdentity) {
  const auto bytes = made({});
  const SliceFileReading reading = read_slice_file(path_, 7);
  ASSERT_EQ(reading.state, State::whole) << reading.reason;
  EXPECT_EQ(reading.slice.z(), 7);
  EXPECT_EQ(testing::wrong_voxels(reading.slice, 0), 0);
  EXPECT_EQ(reading.identity, identify(path_));
  EXPECT_EQ(reading.identity.size, bytes.size());
  EXPECT_EQ(reading.zero_end, 0u);
}

TEST_F(SliceFileTest, TakesNoFileThatIsCutAnywhere) {
  const auto bytes = made({});
  for (std::size_t size = 0; size < bytes.size(); size += 5) {
    testing::write_bytes(path_, {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)});
    const SliceFileReading reading = read_slice_file(path_, 0);
    EXPECT_EQ(reading.state, State::unusable) << size << " bytes of " << bytes.size();
    EXPECT_NE(reading.reason.find(path_), std::string::npos);
  }
}

// libtiff puts the directory behind the voxels: a copy into a file of full size has none until its end.
TEST_F(SliceFileTest, TakesNoPreallocatedFileThatWasFilledInPart) {
  for (const int compression :
       {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_ADOBE_DEFLATE, COMPRESSION_PACKBITS}) {
    PageSpec page;
    page.compression = compression;
    const auto bytes = made(page);
    for (std::size_t filled = 0; filled < bytes.size() - 8; filled += filled < 200 ? 50 : 3) {
      auto part = bytes;
      std::fill(part.begin() + static_cast<std::ptrdiff_t>(filled), part.end(), 0);
      testing::write_bytes(path_, part);
      const SliceFileReading reading = read_slice_file(path_, 0);
      EXPECT_TRUE(reading.state == State::unusable || reading.zero_end > 0 || part == bytes)
          << filled << " of " << bytes.size() << " bytes";
    }
  }
}

/// A file with its directory before its voxels, as instruments write it, of which `filled` voxel bytes are
/// written: 8-bit, 20 x 12 voxels in strips of 5 rows.
std::vector<unsigned char> directory_first(std::size_t filled) {
  std::vector<unsigned char> bytes(200 + 240, 0);
  const auto put = [&](std::size_t at, int width, std::uint64_t value) {
    testing::put(bytes, at, width, value);
  };
  bytes[0] = bytes[1] = 'I';
  put(2, 2, 42);
  put(4, 4, 8);
  struct Entry {
    int tag, type, count;
    std::uint32_t value;
  };
  const std::vector<Entry> entries = {{256, 3, 1, 20}, {257, 3, 1, 12}, {258, 3, 1, 8},
                                      {259, 3, 1, 1},  {262, 3, 1, 1},  {273, 4, 3, 160},
                                      {277, 3, 1, 1},  {278, 3, 1, 5},  {279, 4, 3, 172}};
  put(8, 2, entries.size());
  std::size_t at = 10;
  for (const Entry& entry : entries) {
    put(at, 2, static_cast<std::uint64_t>(entry.tag));
    put(at + 2, 2, static_cast<std::uint64_t>(entry.type));
    put(at + 4, 4, static_cast<std::uint64_t>(entry.count));
    put(at + 8, 4, entry.value);
    at += 12;
  }
  for (std::size_t strip = 0; strip < 3; ++strip) {
    put(160 + 4 * strip, 4, 200 + 100 * strip);
    put(172 + 4 * strip, 4, strip < 2 ? 100 : 40);
  }
  for (std::size_t i = 0; i < filled; ++i) bytes[200 + i] = static_cast<unsigned char>(1 + i % 250);
  return bytes;
}

TEST_F(SliceFileTest, SaysHowMuchOfAPreallocatedEndIsZero) {
  for (const std::size_t filled : {240, 239, 230, 201, 200, 150, 0}) {
    testing::write_bytes(path_, directory_first(filled));
    const SliceFileReading reading = read_slice_file(path_, 0);
    ASSERT_EQ(reading.state, State::whole) << reading.reason;
    if (filled > 200) {
      EXPECT_EQ(reading.zero_end, 240 - filled) << filled;
    } else {
      EXPECT_GE(reading.zero_end, 40u) << filled;
    }
  }
}

TEST_F(SliceFileTest, RefusesStripsThatAreMissing) {
  for (const std::size_t field : {160, 172}) {  // offsets, byte counts
    auto bytes = directory_first(240);
    testing::put(bytes, field + 8, 4, 0);
    testing::write_bytes(path_, bytes);
    EXPECT_EQ(read_slice_file(path_, 0).state, State::unusable) << field;
  }
}

TEST_F(SliceFileTest, PaddingOfATileIsNoMissingEnd) {
  PageSpec page;
  page.tile = 16;  // of 20 x 12 voxels: the last tile is padded with zeros
  made(page);
  const SliceFileReading reading = read_slice_file(path_, 0);
  ASSERT_EQ(reading.state, State::whole) << reading.reason;
  EXPECT_EQ(reading.zero_end, 0u);
}

TEST_F(SliceFileTest, RefusesWhatIsNoSlice) {
  testing::make_tiff(path_, PageSpec{}, 2);
  EXPECT_NE(read_slice_file(path_, 0).reason.find("has 2 pages"), std::string::npos);
  PageSpec colour;
  colour.samples = 3;
  colour.photometric = PHOTOMETRIC_YCBCR;
  made(colour);
  EXPECT_EQ(read_slice_file(path_, 0).state, State::unusable);
  testing::write_bytes(path_, {'t', 'e', 'x', 't'});
  EXPECT_EQ(read_slice_file(path_, 0).state, State::unusable);
}

TEST_F(SliceFileTest, ReadsNoVoxelOfAFileThatIsNotWanted) {
  made({});
  int height = 0;
  const SliceFileReading reading = read_slice_file(path_, 7, [&](const StackInfo& info) {
    height = info.height;
    return "is not wanted";
  });
  EXPECT_EQ(reading.state, State::refused);
  EXPECT_EQ(reading.reason, "is not wanted");
  EXPECT_EQ(reading.slice.data(), nullptr);
  EXPECT_EQ(height, reading.info.height);
  EXPECT_EQ(read_slice_file(path_, 7, [](const StackInfo&) { return ""; }).state, State::whole);
}

TEST_F(SliceFileTest, AFileThatIsNotThereIsChanging) {
  EXPECT_EQ(read_slice_file(path_, 0).state, State::changing);
}

TEST_F(SliceFileTest, ReadsEveryFileWholeOrNotAtAllWhileItIsRewrittenAndCut) {
  PageSpec page;
  page.width = 300;
  page.height = 300;
  const auto bytes = made(page);
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (std::size_t n = 0; !done; ++n) {
      std::ofstream file(path_, std::ios::binary | std::ios::trunc);
      const std::size_t size = n % 3 == 0 ? bytes.size() / 2 : bytes.size();
      for (std::size_t at = 0; at < size; at += 4096) {
        file.write(reinterpret_cast<const char*>(bytes.data()) + at,
                   static_cast<std::streamsize>(std::min<std::size_t>(4096, size - at)));
        file.flush();
      }
    }
  });
  int whole = 0;
  for (int n = 0; n < 500; ++n) {
    const SliceFileReading reading = read_slice_file(path_, 0);
    if (reading.state != State::whole) continue;
    ++whole;
    EXPECT_EQ(testing::wrong_voxels(reading.slice, 0), 0);
  }
  done = true;
  writer.join();
  RecordProperty("whole", whole);
}

}  // namespace
}  // namespace fibflow::io
