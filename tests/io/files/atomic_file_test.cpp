#include "io/files/atomic_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <functional>
#include <string>

#include "io/error.h"
#include "tests/fixtures/test_files.h"

namespace fibflow::io {
namespace {

using Names = std::vector<std::string>;

class AtomicFileTest : public ::testing::Test {
 protected:
  std::string content() {
    const auto bytes = testing::read_bytes(path_);
    return {bytes.begin(), bytes.end()};
  }
  const testing::TemporaryFolder folder_;
  const std::string path_ = folder_.path("out.txt");
};

ErrorKind creation_failure(const std::string& path, bool overwrite) {
  try {
    AtomicFile file(path, overwrite);
  } catch (const Error& error) {
    return error.kind();
  }
  throw std::runtime_error("created " + path);
}

TEST_F(AtomicFileTest, AppearsOnlyWhenItIsComplete) {
  AtomicFile file(path_, false);
  file.write("whole", 5);
  EXPECT_FALSE(std::filesystem::exists(path_));
  file.commit();
  EXPECT_EQ(content(), "whole");
  EXPECT_EQ(folder_.contents(), Names{"out.txt"});
}

TEST_F(AtomicFileTest, LeavesNothingWhenItIsGivenUp) {
  {
    AtomicFile file(path_, false);
    file.write("half", 4);
    EXPECT_FALSE(std::filesystem::exists(path_));
  }
  EXPECT_EQ(folder_.contents(), Names{});
}

/// Runs something in a process of its own, which is to kill itself in the middle of it.
void in_a_process_that_is_killed(const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    work();
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
}

TEST_F(AtomicFileTest, LeavesNothingWhenItsProcessIsKilled) {
  const int unnamed = ::open(folder_.path().c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
  if (unnamed < 0) GTEST_SKIP() << "the file system here has no files without a name";
  ::close(unnamed);
  for (const bool overwrite : {false, true}) {
    in_a_process_that_is_killed([&] {
      AtomicFile file(path_, overwrite);
      file.write("half", 4);
      file.sync();
      ::raise(SIGKILL);
    });
    EXPECT_EQ(folder_.contents(), Names{});
  }
}

TEST_F(AtomicFileTest, TakesOverWhatAKillLeftUnderAHiddenName) {
  in_a_process_that_is_killed([&] {
    AtomicFile file(path_, false, UnderHiddenName{});
    file.write("much longer", 11);
    file.sync();
    ::raise(SIGKILL);
  });
  EXPECT_EQ(folder_.contents(), Names{".out.txt.partial-0"});
  AtomicFile file(path_, false, UnderHiddenName{});
  file.write("whole", 5);
  file.commit();
  EXPECT_EQ(content(), "whole");
  EXPECT_EQ(folder_.contents(), Names{"out.txt"});
}

TEST_F(AtomicFileTest, LeavesHiddenFilesAloneThatOthersWrite) {
  AtomicFile first(path_, true, UnderHiddenName{});
  first.write("first", 5);
  AtomicFile resumable(path_, true, ResumeAt{});
  {
    AtomicFile second(path_, true, UnderHiddenName{});
    second.write("second", 6);
    second.commit();
  }
  EXPECT_EQ(content(), "second");
  first.commit();
  EXPECT_EQ(content(), "first");
  EXPECT_EQ(folder_.contents(), (Names{".out.txt.partial", "out.txt"}));
}

TEST_F(AtomicFileTest, TakesAwayWhatAKillLeftWhileAFileWasReplaced) {
  testing::write_bytes(path_, {'o', 'l', 'd'});
  testing::write_bytes(folder_.path(".out.txt.new"), {'d', 'e', 'a', 'd'});
  AtomicFile file(path_, true);
  file.write("new", 3);
  file.commit();
  EXPECT_EQ(content(), "new");
  EXPECT_EQ(folder_.contents(), Names{"out.txt"});
}

TEST_F(AtomicFileTest, DoesNotReplaceWithoutPermission) {
  testing::write_bytes(path_, {'o', 'l', 'd'});
  EXPECT_EQ(creation_failure(path_, false), ErrorKind::cannot_create);
  EXPECT_EQ(content(), "old");
}

TEST_F(AtomicFileTest, DoesNotReplaceWhatAppearedMeanwhile) {
  AtomicFile file(path_, false);
  file.write("new", 3);
  testing::write_bytes(path_, {'o', 'l', 'd'});
  try {
    file.commit();
    FAIL() << "committed";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::cannot_create);
  }
  EXPECT_EQ(content(), "old");
}

TEST_F(AtomicFileTest, ReplacesOnlyWhenTheNewOneIsComplete) {
  testing::write_bytes(path_, {'o', 'l', 'd'});
  {
    AtomicFile file(path_, true);
    file.write("half", 4);
  }
  EXPECT_EQ(content(), "old");
  AtomicFile file(path_, true);
  file.write("new", 3);
  file.commit();
  EXPECT_EQ(content(), "new");
  EXPECT_EQ(folder_.contents(), Names{"out.txt"});
}

TEST_F(AtomicFileTest, ReplacesRegularFilesOnly) {
  std::filesystem::create_directory(folder_.path("sub"));
  EXPECT_EQ(creation_failure(folder_.path("sub"), true), ErrorKind::cannot_create);
  ASSERT_EQ(::mkfifo(folder_.path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(creation_failure(folder_.path("pipe"), true), ErrorKind::cannot_create);
  std::filesystem::create_symlink("elsewhere", folder_.path("link"));
  EXPECT_EQ(creation_failure(folder_.path("link"), true), ErrorKind::cannot_create);
}

TEST_F(AtomicFileTest, NeedsAFolderAndAName) {
  EXPECT_EQ(creation_failure(folder_.path("absent/out.txt"), false), ErrorKind::cannot_create);
  EXPECT_EQ(creation_failure(folder_.path() + "/", false), ErrorKind::cannot_create);
  EXPECT_EQ(creation_failure("", false), ErrorKind::cannot_create);
}

TEST_F(AtomicFileTest, ObeysTheUmask) {
  const mode_t before = ::umask(027);
  AtomicFile file(path_, false);
  file.commit();
  ::umask(before);
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
}

TEST_F(AtomicFileTest, TakesNamesOfAnyLength) {
  const std::string path = folder_.path(std::string(255, 'x'));
  AtomicFile file(path, false);
  file.commit();
  EXPECT_TRUE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace fibflow::io
