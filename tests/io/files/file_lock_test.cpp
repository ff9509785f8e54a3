#include "io/files/file_lock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "tests/fixtures/test_files.h"

namespace fibflow::io {
namespace {

/// A file system without such locks, with one failing reason after the other.
template <int reason>
int fails(int, int) {
  errno = reason;
  return -1;
}

class FileLockTest : public ::testing::Test {
 protected:
  FileLockTest() { testing::write_bytes(path_, {}); }
  int open() const { return ::open(path_.c_str(), O_RDWR | O_CLOEXEC); }

  const testing::TemporaryFolder folder_;
  const std::string path_ = folder_.path("a.tif");
  const std::string beside_ = folder_.path(".a.tif.lock");
};

TEST_F(FileLockTest, IsHeldByOneAtATime) {
  const int one = open(), two = open();
  {
    FileLock first, second;
    EXPECT_EQ(first.take(one, path_), FileLock::Held::here);
    EXPECT_EQ(first.file(), "");
    EXPECT_EQ(second.take(two, path_), FileLock::Held::elsewhere);
    ::close(one);
    EXPECT_EQ(second.take(two, path_), FileLock::Held::here);
  }
  ::close(two);
}

TEST_F(FileLockTest, IsAFileWhereThereAreNoLocks) {
  const int one = open(), two = open();
  for (const auto flock : {fails<ENOSYS>, fails<ENOLCK>, fails<EOPNOTSUPP>}) {
    FileLock first, second;
    EXPECT_EQ(first.take(one, path_, flock), FileLock::Held::here);
    EXPECT_TRUE(std::filesystem::exists(beside_));
    EXPECT_TRUE(FileLock::any_by_file());
    EXPECT_EQ(second.take(two, path_, flock), FileLock::Held::elsewhere);
    first.release();
    EXPECT_FALSE(std::filesystem::exists(beside_));
    EXPECT_EQ(second.take(two, path_, flock), FileLock::Held::here);
  }
  EXPECT_FALSE(std::filesystem::exists(beside_));
  ::close(one);
  ::close(two);
}

TEST_F(FileLockTest, WhatAKilledProcessLeftIsTakenOverOnItsMachineOnly) {
  const int one = open();
  std::array<char, 256> machine{};
  ::gethostname(machine.data(), machine.size() - 1);
  // No process has this number.
  std::ofstream(beside_) << machine.data() << " 99999999\n";
  {
    FileLock lock;
    EXPECT_EQ(lock.take(one, path_, fails<ENOLCK>), FileLock::Held::here);
  }
  std::ofstream(beside_) << "another-machine 99999999\n";
  FileLock lock;
  EXPECT_EQ(lock.take(one, path_, fails<ENOLCK>), FileLock::Held::elsewhere);
  EXPECT_THROW(lock.take(one, path_, fails<EIO>), std::system_error);
  ::close(one);
}

}  // namespace
}  // namespace fibflow::io
