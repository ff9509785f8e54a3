#include "io/files/file_mark.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "io/files/file_identity.h"
#include "tests/fixtures/kept_marks.h"
#include "tests/fixtures/temporary_folder.h"

namespace fibflow::io {
namespace {

class FileMarkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testing::keeps_marks(folder)) GTEST_SKIP() << "the file system keeps no extended attributes";
    file = ::open(folder.write("file", "contents").c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_TRUE(mark_file(file, "abc"));
  }
  void TearDown() override {
    if (file >= 0) ::close(file);
  }
  /// Sets the time of the last change of the contents, whatever clock has ticked meanwhile.
  void written_at(std::int64_t seconds) const {
    const timespec times[2] = {{seconds, 0}, {seconds, 0}};
    ASSERT_EQ(::futimens(file, times), 0);
  }

  testing::TemporaryFolder folder;
  int file = -1;
};

TEST_F(FileMarkTest, StaysWithTheFileUnderAnotherName) {
  EXPECT_EQ(mark_of(folder / "file"), "abc");
  std::filesystem::rename(folder / "file", folder / "other");
  EXPECT_EQ(mark_of(folder / "other"), "abc");
  EXPECT_EQ(mark_of(folder / "file"), std::nullopt);
  ASSERT_TRUE(mark_file(file, "def"));
  EXPECT_EQ(mark_of(folder / "other"), "def");
}

TEST_F(FileMarkTest, DoesNotHoldOnceTheFileWasWrittenTo) {
  written_at(1'000'000'000);
  EXPECT_EQ(mark_of(folder / "file"), std::nullopt) << "as long as before";
  ASSERT_TRUE(mark_file(file, "abc"));
  EXPECT_EQ(mark_of(folder / "file"), "abc");
  ASSERT_EQ(::ftruncate(file, 3), 0);
  written_at(1'000'000'000);
  EXPECT_EQ(mark_of(folder / "file"), std::nullopt) << "written at the same time";
}

TEST_F(FileMarkTest, IsNotInACopyAndNotInAFileOfThatNameMadeAnew) {
  std::ofstream(folder / "copy") << "contents";
  EXPECT_EQ(mark_of(folder / "copy"), std::nullopt);
  EXPECT_EQ(mark_of(folder / "nothing"), std::nullopt);
  EXPECT_EQ(mark_of(folder / ""), std::nullopt);
}

TEST(FileIdentityTest, ATimeFarInTheFutureIsOneLikeAnyOther) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.write("file", "x");
  const auto at = [&](std::int64_t seconds) {
    const timespec times[2] = {{seconds, 0}, {seconds, 0}};
    EXPECT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
    return identify(path).value().modified_ns;
  };
  // The year 2400: more nanoseconds than fit.
  EXPECT_NE(at(13'569'465'600), at(13'569'465'601));
}

}  // namespace
}  // namespace fibflow::io
