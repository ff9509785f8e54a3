#include "io/folder/folder_stack.h"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>
#include <chrono>
#include <filesystem>
#include <memory>
#include <utility>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "io/png/png.h"
#include "tests/fixtures/stack_failure.h"
#include "tests/fixtures/tiff_maker.h"

namespace fibflow::io {
namespace {

using testing::failure;
using testing::failure_kind;
using testing::make_tiff;
using testing::PageSpec;
using testing::wrong_voxels;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::unique_ptr<Stack> by_number(const std::string& path) {
  return open_folder(path);
}

OpenOptions in_order(FileOrder order) {
  OpenOptions options;
  options.order = order;
  return options;
}

class FolderStackTest : public ::testing::Test {
 protected:
  // A file whose voxels are those of page z.
  void slice(const std::string& name, int z, const PageSpec& page = PageSpec()) {
    make_tiff(folder_.path("pages.tif"), page, z + 1);
    auto bytes = testing::read_bytes(folder_.path("pages.tif"));
    const auto pages = testing::directories(bytes);
    const std::size_t last = pages.back();
    testing::put(bytes, 4, 4, last);
    testing::write_bytes(folder_.path(name), bytes);
    std::filesystem::remove(folder_.path("pages.tif"));
  }
  const testing::TemporaryFolder folder_;
};

TEST_F(FolderStackTest, TakesFilesInNaturalOrder) {
  slice("slice_10.tif", 3);
  slice("slice_8.tif", 1);
  slice("slice_9.tiff", 2);
  slice("slice_7.TIF", 0);
  const auto stack = open_folder(folder_.path());
  ASSERT_EQ(stack->info().depth, 4);
  EXPECT_EQ(stack->info().format, "folder of TIFF slices");
  EXPECT_EQ(stack->info().path, folder_.path());
  EXPECT_TRUE(stack->info().remarks.empty());
  for (int z = 0; z < 4; ++z) {
    const Slice read = stack->read(z);
    EXPECT_EQ(read.z(), z);
    EXPECT_EQ(wrong_voxels(read, z), 0) << z;
    const Slice part = stack->read_region(z, {{2, 7}, {3, 20}});
    EXPECT_EQ(part.z(), z);
    EXPECT_TRUE(std::ranges::equal(part.as<std::uint8_t>(), read.part({{2, 7}, {3, 20}}).as<std::uint8_t>()));
  }
  EXPECT_THROW(stack->read(4), std::out_of_range);
  EXPECT_THROW(stack->read_region(0, {{0, 13}, {0, 1}}), std::invalid_argument);
}

TEST_F(FolderStackTest, RefusesSeveralSeriesAndNamesTheirGlobs) {
  for (int z = 0; z < 3; ++z) {
    slice("cell_" + std::to_string(z) + "_ESB.tif", z);
    slice("cell_" + std::to_string(z) + "_SE2.tif", 10 + z);
  }
  EXPECT_EQ(failure_kind(folder_.path(), by_number), ErrorKind::bad_data);
  const std::string says = failure(folder_.path(), by_number);
  const std::string glob = folder_.path("cell_[0-9]_ESB.tif");
  EXPECT_TRUE(contains(says, "2 series") && contains(says, "'" + glob + "' (3 files)")) << says;
  EXPECT_TRUE(contains(says, "--order name")) << says;
  EXPECT_EQ(open_glob(glob)->info().depth, 3);
  EXPECT_EQ(open_folder(folder_.path(), in_order(FileOrder::name))->info().depth, 6);
}

TEST_F(FolderStackTest, PicturesAreSlicesWhereThereAreNoTiffs) {
  for (int z = 0; z < 3; ++z) {
    const std::vector<std::uint8_t> pixels(20 * 12, static_cast<std::uint8_t>(50 * z));
    write_png(folder_.path("s" + std::to_string(z) + ".png"), 20, 12, 1, pixels);
  }
  const auto pictures = open_folder(folder_.path());
  EXPECT_EQ(pictures->info().format, "folder of PNG slices");
  ASSERT_EQ(pictures->info().depth, 3);
  EXPECT_EQ(pictures->read(2).as<std::uint8_t>()[0], 100);
  slice("s0.tif", 0);
  slice("s1.tif", 1);
  const auto slices = open_folder(folder_.path());
  EXPECT_EQ(slices->info().depth, 2);
  ASSERT_EQ(slices->info().remarks.size(), 1U);
  EXPECT_EQ(slices->info().remarks[0], "3 entries of the folder left out: not TIFF");
}

TEST_F(FolderStackTest, WhatDoesNotFitShowsBeforeAnySliceIsRead) {
  slice("s0.tif", 0);
  slice("s1.tif", 1);
  PageSpec wide;
  wide.width = 21;
  slice("s2.tif", 2, wide);
  const auto stack = open_folder(folder_.path());
  EXPECT_NO_THROW(stack->require_readable({0, 2}));
  try {
    stack->require_readable({1, 3});
    ADD_FAILURE() << "another size is not found";
  } catch (const Error& error) {
    EXPECT_TRUE(contains(error.what(), "s2.tif: has 21 x 12 voxels instead of the 20 x 12 of 's0.tif'"))
        << error.what();
  }
  testing::write_bytes(folder_.path("s1.tif"), {});
  EXPECT_THROW(stack->require_readable({0, 2}), Error);
}

TEST_F(FolderStackTest, APipeAmongTheFilesIsRefusedWithoutWaitingForItsWriter) {
  for (const char* ending : {".tif", ".png", ".jpg"}) {
    const std::string pipe = folder_.path(std::string("s1") + ending);
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    const std::string says = failure(folder_.path(), by_number);
    EXPECT_TRUE(contains(says, pipe + ": is not a regular file")) << says;
    std::filesystem::remove(pipe);
  }
}

TEST_F(FolderStackTest, TheDistanceOfPositionsInTheNamesIsTheVoxelsDepth) {
  slice("slice_1_z=0.10um.tif", 0);
  slice("slice_2_z=0.12um.tif", 1);
  slice("slice_3_z=0.14um.tif", 2);
  const auto stack = open_folder(folder_.path());
  EXPECT_NEAR(stack->info().voxel_nm.z, 20, 1e-6);
  EXPECT_EQ(stack->info().voxel_source, "z in the names");
}

TEST_F(FolderStackTest, FilesMayBeInTheOrderOfTheirTimes) {
  using std::filesystem::file_time_type;
  slice("b.tif", 0);
  slice("a.tif", 1);
  slice("c.tif", 2);
  const auto now = file_time_type::clock::now();
  for (const auto& [name, hours] : {std::pair{"b.tif", 3}, {"a.tif", 2}, {"c.tif", 1}})
    std::filesystem::last_write_time(folder_.path(name), now - std::chrono::hours(hours));
  const auto stack = open_folder(folder_.path(), in_order(FileOrder::time));
  EXPECT_EQ(stack->info().file_order, "time");
  for (int z = 0; z < 3; ++z) {
    const std::string file = stack->files().at(static_cast<std::size_t>(z));
    EXPECT_EQ(std::filesystem::path(file).filename().string(), z == 0 ? "b.tif" : z == 1 ? "a.tif" : "c.tif");
  }
}

TEST_F(FolderStackTest, RemarksAGapInTheNumbering) {
  slice("slice_1.tif", 0);
  slice("slice_2.tif", 1);
  slice("slice_4.tif", 2);
  const auto stack = open_folder(folder_.path());
  EXPECT_EQ(stack->info().depth, 3);
  ASSERT_EQ(stack->info().remarks.size(), 1u);
  EXPECT_TRUE(contains(stack->info().remarks[0], "gap")) << stack->info().remarks[0];
}

TEST_F(FolderStackTest, RefusesTwoFilesOfOneNumber) {
  slice("slice_2.tif", 0);
  slice("slice_02.tif", 1);
  const std::string says = failure(folder_.path(), by_number);
  EXPECT_TRUE(contains(says, "'slice_02.tif'") && contains(says, "'slice_2.tif'")) << says;
}

TEST_F(FolderStackTest, RefusesOneNumberWithTwoExtensions) {
  slice("slice_2.tif", 0);
  slice("slice_2.tiff", 1);
  EXPECT_TRUE(contains(failure(folder_.path(), by_number), "same number"));
}

TEST_F(FolderStackTest, LeavesOtherFilesAsideAndSaysSo) {
  slice("slice_1.tif", 0);
  testing::write_bytes(folder_.path("notes.txt"), {'a'});
  testing::write_bytes(folder_.path("._slice_1.tif"), {'a'});
  const auto stack = open_folder(folder_.path());
  EXPECT_EQ(stack->info().depth, 1);
  ASSERT_EQ(stack->info().remarks.size(), 1u);
  EXPECT_TRUE(contains(stack->info().remarks[0], "1 entry of the folder left out"))
      << stack->info().remarks[0];
}

TEST_F(FolderStackTest, DoesNotLeaveAsideATifThatIsNone) {
  slice("slice_1.tif", 0);
  testing::write_bytes(folder_.path("slice_2.tif"), {'n', 'o', 't', ' ', 'a', ' ', 't', 'i', 'f', 'f'});
  const std::string says = failure(folder_.path(), by_number);
  EXPECT_TRUE(contains(says, folder_.path("slice_2.tif") + ": not a TIFF")) << says;
}

TEST_F(FolderStackTest, NamesTheFileWithSeveralPages) {
  slice("slice_1.tif", 0);
  make_tiff(folder_.path("slice_2.tif"), PageSpec(), 2);
  const std::string says = failure(folder_.path(), by_number);
  EXPECT_TRUE(contains(says, folder_.path("slice_2.tif") + ": has 2 pages")) << says;
}

TEST_F(FolderStackTest, NamesTheFileOfAnotherShapeOrType) {
  slice("slice_1.tif", 0);
  PageSpec other;
  other.height = 13;
  slice("slice_2.tif", 0, other);
  std::string says = failure(folder_.path(), by_number);
  EXPECT_TRUE(contains(says, folder_.path("slice_2.tif") + ": has 20 x 13 voxels instead of the 20 x 12"))
      << says;
  other = PageSpec();
  other.bits = 16;
  slice("slice_2.tif", 0, other);
  says = failure(folder_.path(), by_number);
  EXPECT_TRUE(contains(says, folder_.path("slice_2.tif") + ": holds u16 voxels instead of the u8")) << says;
}

TEST_F(FolderStackTest, OpensOnlyTheFirstFileUpFront) {
  slice("slice_1.tif", 0);
  for (int i = 2; i < 2000; ++i)
    testing::write_bytes(folder_.path("slice_" + std::to_string(i) + ".tif"), {});
  const auto stack = open_folder(folder_.path());
  EXPECT_EQ(stack->info().depth, 1999);
  EXPECT_NO_THROW(stack->read(0));
  EXPECT_THROW(stack->read(1), Error);
}

TEST_F(FolderStackTest, AnEmptyFolderIsMissing) {
  EXPECT_EQ(failure_kind(folder_.path(), by_number), ErrorKind::missing);
  testing::write_bytes(folder_.path("notes.txt"), {'a'});
  EXPECT_TRUE(contains(failure(folder_.path(), by_number), "no .tif, .tiff, .png, .jpg or .jpeg files"))
      << failure(folder_.path(), by_number);
}

TEST_F(FolderStackTest, AnUnreadableFolderIsMissing) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  slice("slice_1.tif", 0);
  std::filesystem::permissions(folder_.path(), std::filesystem::perms::none);
  EXPECT_EQ(failure_kind(folder_.path(), by_number), ErrorKind::missing);
  std::filesystem::permissions(folder_.path(), std::filesystem::perms::owner_all);
}

TEST_F(FolderStackTest, AGlobTakesWhatMatches) {
  slice("image_2.tif", 1);
  slice("image_10.tif", 2);
  slice("image_1.tif", 0);
  slice("mask_1.tif", 4);
  const auto stack = open_glob(folder_.path("image_*.tif"));
  ASSERT_EQ(stack->info().depth, 3);
  for (int z = 0; z < 3; ++z) EXPECT_EQ(wrong_voxels(stack->read(z), z), 0) << z;
}

TEST_F(FolderStackTest, AGlobOfOneFileIsThatFile) {
  make_tiff(folder_.path("cell.tif"), PageSpec(), 3);
  EXPECT_EQ(open_glob(folder_.path("ce*.tif"))->info().depth, 3);
}

TEST_F(FolderStackTest, AGlobOfNothingIsMissing) {
  EXPECT_EQ(
      failure_kind(folder_.path("slice_*.tif"), [](const std::string& path) { return open_glob(path); }),
      ErrorKind::missing);
}

}  // namespace
}  // namespace fibflow::io
