#include "io/files/folder_watch.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>

#include "tests/fixtures/test_files.h"

namespace fibflow::io {
namespace {

using std::chrono::milliseconds;
using testing::TemporaryFolder;
namespace fs = std::filesystem;

constexpr milliseconds never{3'600'000};

void write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

/// How a folder is followed: with inotify and hardly ever a look at all, or by looking only.
class FolderWatchTest : public ::testing::TestWithParam<bool> {
 protected:
  FolderWatch::Options options(bool recursive = false) const {
    return {recursive, GetParam() ? never : milliseconds(1), GetParam()};
  }

  /// Looks until something is told.
  FolderWatch::Changes next(FolderWatch& watch) const {
    for (;;) {
      FolderWatch::Changes changes = watch.look();
      if (!changes.files.empty() || !changes.gone.empty()) return changes;
      watch.wait(never);
    }
  }

  TemporaryFolder folder_;
};

INSTANTIATE_TEST_SUITE_P(Ways, FolderWatchTest, ::testing::Values(true, false),
                         [](const auto& way) { return way.param ? "Notified" : "Polling"; });

TEST_P(FolderWatchTest, TellsWhatIsThereAndThenWhatComes) {
  write(folder_.path("a.tif"), "a");
  FolderWatch watch(folder_.path(), options());
  auto changes = watch.look();
  ASSERT_EQ(changes.files.size(), 1u);
  EXPECT_EQ(changes.files[0].path, "a.tif");
  EXPECT_EQ(changes.files[0].identity.size, 1u);
  EXPECT_TRUE(watch.look().files.empty()) << "told twice";
  write(folder_.path("b.tif"), "bb");
  changes = next(watch);
  ASSERT_EQ(changes.files.size(), 1u);
  EXPECT_EQ(changes.files[0].path, "b.tif");
}

TEST_P(FolderWatchTest, TellsAFileAgainWhenItIsRewrittenOrReplacedAndWhenItIsGone) {
  write(folder_.path("a.tif"), "a");
  FolderWatch watch(folder_.path(), options());
  watch.look();
  write(folder_.path("a.tif"), "longer");
  auto changes = next(watch);
  ASSERT_EQ(changes.files.size(), 1u);
  EXPECT_EQ(changes.files[0].identity.size, 6u);
  write(folder_.path(".hidden"), "others");
  fs::rename(folder_.path(".hidden"), folder_.path("a.tif"));
  changes = next(watch);
  ASSERT_EQ(changes.files.size(), 1u);
  EXPECT_EQ(changes.files[0].path, "a.tif");
  fs::remove(folder_.path("a.tif"));
  changes = next(watch);
  EXPECT_EQ(changes.gone, std::vector<std::string>{"a.tif"});
}

TEST_P(FolderWatchTest, OfASettledFileItTellsOnlyThatItChanged) {
  for (const char* name : {"a.tif", "b.tif", "c.tif"}) write(folder_.path(name), "1");
  FolderWatch watch(folder_.path(), options());
  ASSERT_EQ(next(watch).files.size(), 3u);
  for (const char* name : {"a.tif", "b.tif", "not there.tif"}) watch.settle(name);
  fs::remove(folder_.path("a.tif"));
  write(folder_.path("b.tif"), "changed");
  fs::remove(folder_.path("c.tif"));
  std::set<std::string> changed, gone;
  while (changed.empty() || gone.empty()) {
    const FolderWatch::Changes changes = next(watch);
    for (const auto& file : changes.files) changed.insert(file.path);
    gone.insert(changes.gone.begin(), changes.gone.end());
  }
  EXPECT_EQ(changed, std::set<std::string>{"b.tif"});
  EXPECT_EQ(gone, std::set<std::string>{"c.tif"}) << "who settled a.tif does not ask where it is";
  watch.rescan();
  EXPECT_TRUE(watch.look().files.empty()) << "nothing is told twice";
  watch.forget("b.tif");
  watch.rescan();
  EXPECT_EQ(watch.look().files.size(), 1u) << "it is asked for again";
  write(folder_.path("a.tif"), "new");
  EXPECT_EQ(next(watch).files.at(0).path, "a.tif");
}

TEST_P(FolderWatchTest, LeavesOutHiddenFilesFoldersAndWhatIsNoRegularFile) {
  fs::create_directory(folder_.path("sub.tif"));
  write(folder_.path("sub.tif/inside.tif"), "x");
  write(folder_.path(".a.tif.partial"), "x");
  ASSERT_EQ(::mkfifo(folder_.path("pipe.tif").c_str(), 0600), 0);
  FolderWatch watch(folder_.path(), options());
  EXPECT_TRUE(watch.look().files.empty());
}

TEST_P(FolderWatchTest, FollowsSubfoldersThatComeLaterWhereAsked) {
  fs::create_directories(folder_.path("one/two"));
  write(folder_.path("one/two/a.tif"), "a");
  FolderWatch watch(folder_.path(), options(true));
  auto changes = watch.look();
  ASSERT_EQ(changes.files.size(), 1u);
  EXPECT_EQ(changes.files[0].path, "one/two/a.tif");
  fs::create_directory(folder_.path("three"));
  write(folder_.path("three/b.tif"), "b");
  changes = next(watch);
  ASSERT_EQ(changes.files.size(), 1u);
  EXPECT_EQ(changes.files[0].path, "three/b.tif");
  write(folder_.path("three/c.tif"), "c");
  changes = next(watch);
  ASSERT_EQ(changes.files.size(), 1u);
  EXPECT_EQ(changes.files[0].path, "three/c.tif");
  fs::remove_all(folder_.path("three"));
  std::set<std::string> gone;
  while (gone.size() < 2) {
    for (const std::string& path : next(watch).gone) gone.insert(path);
  }
  EXPECT_EQ(gone, (std::set<std::string>{"three/b.tif", "three/c.tif"}));
}

TEST_P(FolderWatchTest, LosesNothingWhenTheFolderGoesAndComesBack) {
  write(folder_.path("other"), "");
  const std::string path = folder_.path("run");
  fs::create_directory(path);
  write(path + "/a.tif", "a");
  FolderWatch watch(path, {false, milliseconds(1), GetParam()});
  EXPECT_EQ(watch.look().files.size(), 1u);
  fs::rename(path, folder_.path("away"));
  FolderWatch::Changes changes;
  while (watch.is_there()) {
    watch.wait(never);
    changes = watch.look();
    EXPECT_TRUE(changes.gone.empty()) << "a folder that is away says nothing of its files";
  }
  EXPECT_EQ(watch.reason(), "No such file or directory");
  write(folder_.path("away/b.tif"), "b");
  fs::rename(folder_.path("away"), path);
  changes = next(watch);
  EXPECT_TRUE(watch.is_there());
  ASSERT_EQ(changes.files.size(), 1u) << "a.tif is what it was";
  EXPECT_EQ(changes.files[0].path, "b.tif");
  // And it is followed as before.
  write(path + "/c.tif", "c");
  changes = next(watch);
  ASSERT_EQ(changes.files.size(), 1u);
  EXPECT_EQ(changes.files[0].path, "c.tif");
}

TEST_P(FolderWatchTest, FollowsAFolderMadeAnewUnderTheName) {
  const std::string path = folder_.path("run");
  fs::create_directory(path);
  FolderWatch watch(path, {false, milliseconds(1), GetParam()});
  watch.look();
  fs::rename(path, folder_.path("old"));
  fs::create_directory(path);
  write(path + "/a.tif", "a");
  EXPECT_EQ(next(watch).files.size(), 1u);
  write(path + "/b.tif", "b");
  EXPECT_EQ(next(watch).files.at(0).path, "b.tif");
}

TEST(FolderWatchOnceTest, TellsOfHundredsAtOnceEachOnce) {
  TemporaryFolder folder;
  FolderWatch watch(folder.path(), {false, never, true});
  watch.look();
  constexpr int files = 500;
  for (int i = 0; i < files; ++i) write(folder.path("slice_" + std::to_string(i) + ".tif"), "x");
  std::set<std::string> told;
  std::size_t times = 0;
  while (told.size() < files) {
    for (const auto& file : watch.look().files) {
      told.insert(file.path);
      ++times;
    }
  }
  EXPECT_EQ(times, told.size());
}

TEST(FolderWatchOnceTest, LooksAtAllAfterAnOverflow) {
  std::ifstream limit_file("/proc/sys/fs/inotify/max_queued_events");
  int limit = 0;
  if (!(limit_file >> limit) || limit > 40000)
    GTEST_SKIP() << "inotify's queue cannot be filled quickly here";
  TemporaryFolder folder;
  FolderWatch watch(folder.path(), {false, never, true});
  watch.look();
  if (!watch.is_notified()) GTEST_SKIP() << "no inotify here";
  const std::string names[] = {folder.path("a.tif"), folder.path("b.tif")};
  write(names[0], "x");
  for (int i = 0; i <= limit / 2; ++i) fs::rename(names[i % 2], names[(i + 1) % 2]);  // two events each
  write(folder.path("last.tif"), "x");
  const auto changes = watch.look();
  EXPECT_EQ(watch.overflows(), 1u);
  EXPECT_EQ(watch.scans(), 2u);
  EXPECT_EQ(changes.files.size(), 2u);
}

TEST(FolderWatchOnceTest, StopsWaitingWhenWoken) {
  TemporaryFolder folder;
  FolderWatch watch(folder.path(), {false, never, true});
  watch.look();
  const int wake = ::eventfd(1, EFD_CLOEXEC);
  watch.wait(never, wake);  // or the test does not end
  ::close(wake);
}

}  // namespace
}  // namespace fibflow::io
