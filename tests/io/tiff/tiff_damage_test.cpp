#include <gtest/gtest.h>
#include <sys/resource.h>
#include <tiff.h>
#include <unistd.h>

#include <filesystem>

#include "tests/fixtures/tiff_maker.h"
#include "tests/io/tiff/open_tiff.h"

namespace fibflow::io {
namespace {

using testing::directories;
using testing::entry;
using testing::failure;
using testing::failure_kind;
using testing::make_tiff;
using testing::PageSpec;
using testing::put;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class TiffDamageTest : public ::testing::Test {
 protected:
  std::vector<unsigned char> stack(const PageSpec& page, int pages) {
    make_tiff(path_, page, pages);
    return testing::read_bytes(path_);
  }
  std::string failure_of(const std::vector<unsigned char>& bytes) {
    testing::write_bytes(path_, bytes);
    return failure(path_);
  }

  const testing::TemporaryFolder folder_;
  const std::string path_ = folder_.path("stack.tif");
};

PageSpec deflated() {
  PageSpec page;
  page.compression = COMPRESSION_ADOBE_DEFLATE;
  return page;
}

TEST_F(TiffDamageTest, AMissingFileIsMissing) {
  EXPECT_EQ(failure_kind(folder_.path("absent.tif")), ErrorKind::missing);
  EXPECT_EQ(failure_kind(folder_.path("no_folder/absent.tif")), ErrorKind::missing);
  EXPECT_EQ(failure(folder_.path("absent.tif")), folder_.path("absent.tif") + ": there is no such file");
}

TEST_F(TiffDamageTest, AnUnreadableFileIsMissing) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  make_tiff(path_, PageSpec(), 1);
  std::filesystem::permissions(path_, std::filesystem::perms::none);
  EXPECT_EQ(failure_kind(path_), ErrorKind::missing);
}

TEST_F(TiffDamageTest, WhatIsNoTiffIsRefused) {
  EXPECT_TRUE(contains(failure_of({}), "empty"));
  EXPECT_TRUE(contains(failure_of({'I', 'I', 42}), "not a TIFF"));
  EXPECT_TRUE(contains(failure_of({'P', 'K', 3, 4, 0, 0, 0, 0, 0, 0}), "not a TIFF"));
  EXPECT_TRUE(contains(failure_of({'I', 'I', 44, 0, 8, 0, 0, 0}), "not a TIFF"));
  EXPECT_TRUE(contains(failure_of({'I', 'I', 42, 0, 0, 0, 0, 0}), "no image"));
  EXPECT_EQ(failure_kind(path_), ErrorKind::bad_data);
}

TEST_F(TiffDamageTest, EveryTruncationIsNoticed) {
  // Cut anywhere, a stack never reads as a shorter or partly empty one.
  for (const PageSpec& page : {PageSpec(), deflated()}) {
    const auto whole = stack(page, 3);
    ASSERT_EQ(failure_of(whole), "");
    for (std::size_t size = 0; size < whole.size(); size += 7) {
      const std::vector<unsigned char> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      ASSERT_NE(failure_of(cut), "") << "cut to " << size << " of " << whole.size() << " bytes";
    }
  }
}

TEST_F(TiffDamageTest, ATruncatedStackIsRefusedWhenItIsOpened) {
  // Directories first, voxels behind them: the chain is whole, the last voxels are not.
  auto bytes = stack(PageSpec(), 3);
  const auto pages = directories(bytes);
  const std::size_t at = entry(bytes, pages[1], TIFFTAG_STRIPOFFSETS);
  const std::size_t offsets = testing::get(bytes, at + 8, 4);
  put(bytes, offsets + 8, 4, bytes.size() - 10);
  testing::write_bytes(path_, bytes);
  try {
    testing::open_tiff(path_);
    FAIL() << "opened";
  } catch (const Error& error) {
    EXPECT_TRUE(contains(error.what(), "page 2: ")) << error.what();
    EXPECT_TRUE(contains(error.what(), "truncated")) << error.what();
  }
}

TEST_F(TiffDamageTest, DamagedVoxelsNameFilePageAndReason) {
  auto bytes = stack(deflated(), 3);
  const std::size_t at = entry(bytes, directories(bytes)[1], TIFFTAG_STRIPOFFSETS);
  const std::size_t strip = testing::get(bytes, testing::get(bytes, at + 8, 4) + 4, 4);
  for (std::size_t i = 4; i < 24; ++i) bytes[strip + i] ^= 0x5a;
  testing::write_bytes(path_, bytes);
  const auto opened = testing::open_tiff(path_);
  EXPECT_NO_THROW(opened->read(0));
  EXPECT_NO_THROW(opened->read(2));
  try {
    opened->read(1);
    FAIL() << "read";
  } catch (const Error& error) {
    EXPECT_TRUE(contains(error.what(), path_ + ": page 2: cannot decode strip 1 (")) << error.what();
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
  }
}

TEST_F(TiffDamageTest, AJpegThatEndsEarlyIsNotFilledWithGray) {
  PageSpec page;
  page.compression = COMPRESSION_JPEG;
  page.width = 200;
  page.height = 160;
  page.rows_per_strip = 160;
  auto bytes = stack(page, 1);
  ASSERT_EQ(failure_of(bytes), "");
  const std::size_t directory = directories(bytes)[0];
  const std::size_t strip = testing::get(bytes, entry(bytes, directory, TIFFTAG_STRIPOFFSETS) + 8, 4);
  const std::size_t count = testing::get(bytes, entry(bytes, directory, TIFFTAG_STRIPBYTECOUNTS) + 8, 4);
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(strip + count / 2),
            bytes.begin() + static_cast<std::ptrdiff_t>(strip + count), static_cast<unsigned char>(0));
  put(bytes, strip + count / 2, 2, 0xd9ff);
  EXPECT_TRUE(contains(failure_of(bytes), "page 1: cannot decode strip 0")) << failure_of(bytes);
}

TEST_F(TiffDamageTest, ChainsThatLoopAreNoticed) {
  for (const std::size_t target : {0u, 1u, 2u}) {
    auto bytes = stack(PageSpec(), 3);
    const auto pages = directories(bytes);
    put(bytes, pages[2] + 2 + 12 * testing::get(bytes, pages[2], 2), 4, pages[target]);
    EXPECT_TRUE(contains(failure_of(bytes), "page 4: the chain of pages runs in a loop"))
        << failure_of(bytes);
  }
}

TEST_F(TiffDamageTest, ADirectoryOutsideTheFileNamesItsPage) {
  auto bytes = stack(PageSpec(), 2);
  const auto pages = directories(bytes);
  put(bytes, pages[1] + 2 + 12 * testing::get(bytes, pages[1], 2), 4, 0x7fffffff);
  EXPECT_TRUE(contains(failure_of(bytes), "page 3: a directory at byte 2147483647 lies outside"))
      << failure_of(bytes);
}

TEST_F(TiffDamageTest, AStripShorterThanItsRowsIsRefused) {
  // The bytes behind it are there, but belong to something else.
  auto bytes = stack(PageSpec(), 2);
  const std::size_t at = entry(bytes, directories(bytes)[1], TIFFTAG_STRIPBYTECOUNTS);
  put(bytes, testing::get(bytes, at + 8, 4), 2, 99);
  // (libtiff "corrects" the field to 80.)
  const std::string says = failure_of(bytes);
  EXPECT_TRUE(contains(says, "page 2: strip 0 of 3 has ")) << says;
  EXPECT_TRUE(contains(says, "bytes instead of 100")) << says;
}

long peak_kib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

TEST_F(TiffDamageTest, ALyingHeaderDoesNotMakeUsAllocate) {
  struct Lie {
    int tag;
    std::uint64_t value;
  };
  const long before = peak_kib();
  for (const PageSpec& page : {PageSpec(), deflated()}) {
    for (const std::uint64_t size : {0xffffull, 0xffffffull, 0x7fffffffull, 0xffffffffull}) {
      for (const auto& tags : std::vector<std::vector<int>>{{TIFFTAG_IMAGEWIDTH},
                                                            {TIFFTAG_IMAGELENGTH},
                                                            {TIFFTAG_IMAGEWIDTH, TIFFTAG_IMAGELENGTH},
                                                            {TIFFTAG_IMAGELENGTH, TIFFTAG_ROWSPERSTRIP}}) {
        auto bytes = stack(page, 1);
        for (const int tag : tags) {
          const std::size_t at = entry(bytes, directories(bytes)[0], tag);
          put(bytes, at + 2, 2, TIFF_LONG);
          put(bytes, at + 8, 4, size);
        }
        EXPECT_NE(failure_of(bytes), "") << size << " in " << tags[0];
      }
    }
  }
  // The sanitizers' own bookkeeping grows, too.
  EXPECT_LT(peak_kib() - before, 64 << 10);
}

TEST_F(TiffDamageTest, LyingTilesDoNotMakeUsAllocate) {
  PageSpec page;
  page.tile = 16;
  for (const std::uint64_t size : {0x10000ull, 0x7ffffff0ull, 0xfffffff0ull}) {
    auto bytes = stack(page, 1);
    put(bytes, entry(bytes, directories(bytes)[0], TIFFTAG_TILEWIDTH) + 2, 2, TIFF_LONG);
    put(bytes, entry(bytes, directories(bytes)[0], TIFFTAG_TILEWIDTH) + 8, 4, size);
    put(bytes, entry(bytes, directories(bytes)[0], TIFFTAG_TILELENGTH) + 2, 2, TIFF_LONG);
    put(bytes, entry(bytes, directories(bytes)[0], TIFFTAG_TILELENGTH) + 8, 4, size);
    EXPECT_NE(failure_of(bytes), "") << size;
  }
}

TEST_F(TiffDamageTest, AFileThatShrinksWhileItIsReadIsNoticed) {
  make_tiff(path_, PageSpec(), 3);
  const auto opened = testing::open_tiff(path_);
  EXPECT_NO_THROW(opened->read(0));
  std::filesystem::resize_file(path_, 300);
  EXPECT_THROW(opened->read(2), Error);
}

TEST_F(TiffDamageTest, EverySingleFlippedByteReadsOrFailsCleanly) {
  // The directory region of a small file, byte by byte: an Error or a stack, never anything else.
  PageSpec page = deflated();
  page.description = "ImageJ=1.53t\nimages=2\nslices=2\nunit=nm\nspacing=4\n";
  const auto whole = stack(page, 2);
  int failed = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    auto bytes = whole;
    bytes[at] ^= at % 2 == 0 ? 0xff : 0x01;
    failed += failure_of(bytes).empty() ? 0 : 1;
  }
  EXPECT_GT(failed, 0);
}

}  // namespace
}  // namespace fibflow::io
