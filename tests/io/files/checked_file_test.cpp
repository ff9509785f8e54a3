// A checked file is read as it was written or refused, whatever happened to it.
#include "io/files/checked_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "io/error.h"
#include "tests/fixtures/test_files.h"

namespace fibflow::io {
namespace {

using Names = std::vector<std::string>;
const std::string kind = "test record 1";

class CheckedFileTest : public ::testing::Test {
 protected:
  void put(const std::string& name, const std::string& bytes) const {
    std::ofstream(name, std::ios::binary) << bytes;
  }
  std::string get(const std::string& name) const {
    const auto bytes = testing::read_bytes(name);
    return {bytes.begin(), bytes.end()};
  }
  std::string refusal() const {
    try {
      read_checked(path, kind);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_data);
      return error.what();
    }
    return "";
  }

  const testing::TemporaryFolder folder;
  const std::string path = folder.path("record");
  const std::string previous = path + ".previous";
};

TEST_F(CheckedFileTest, ReadsBackWhatWasWritten) {
  EXPECT_FALSE(read_checked(path, kind));
  std::string all;
  for (unsigned i = 0; i < 100000; ++i) all += static_cast<char>(i * i >> 5 & 255U);
  for (const std::string& contents :
       {std::string(), std::string("\0\n\xff", 3), all, std::string(100000, 'a')}) {
    write_checked(path, kind, contents);
    const auto read = read_checked(path, kind);
    ASSERT_TRUE(read);
    EXPECT_TRUE(read->contents == contents);
    EXPECT_FALSE(read->is_previous);
    EXPECT_EQ(read->refusal, "");
  }
  EXPECT_EQ(folder.contents(), (Names{"record", "record.previous"}));
  remove_checked(path);
  EXPECT_EQ(folder.contents(), Names{});
  remove_checked(path);
}

TEST_F(CheckedFileTest, AnyByteThatIsChangedAndAnyLengthThatIsLostIsFound) {
  write_checked(path, kind, "what the statistics were, what the statistics were");
  const std::string good = get(path);
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const int flip : {1, 0x80, 0xff}) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ flip);
      put(path, bad);
      EXPECT_NE(refusal(), "") << "byte " << at << " xor " << flip;
    }
    put(path, good.substr(0, at));
    EXPECT_NE(refusal(), "") << "cut to " << at;
  }
  put(path, good + '\0');
  EXPECT_NE(refusal(), "");
  put(path, std::string(good.size(), '\0'));
  EXPECT_NE(refusal(), "");
}

TEST_F(CheckedFileTest, TheGenerationBeforeStandsInForADamagedOneAndItIsSaid) {
  write_checked(path, kind, "first");
  write_checked(path, kind, "second");
  const std::string good = get(path);
  for (std::size_t length = 0; length < good.size(); ++length) {
    put(path, good.substr(0, length));
    const auto read = read_checked(path, kind);
    ASSERT_TRUE(read) << length;
    EXPECT_EQ(read->contents, "first");
    EXPECT_TRUE(read->is_previous);
    EXPECT_NE(read->refusal.find(path + ": is "), std::string::npos) << read->refusal;
  }
  std::filesystem::remove(path);
  const auto read = read_checked(path, kind);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->contents, "first");
  EXPECT_EQ(read->refusal, path + " is missing");
  put(path, "nonsense");
  put(previous, "nonsense");
  EXPECT_NE(refusal().find("the older one: "), std::string::npos) << refusal();
}

TEST_F(CheckedFileTest, AnotherKindOrVersionIsNamed) {
  write_checked(path, "test record 2", "contents");
  EXPECT_EQ(refusal(),
            path + ": is of another kind or version ('fibflow test record 2'), and there is no older one");
  EXPECT_THROW(write_checked(path, "two\nlines", ""), std::invalid_argument);
}

TEST_F(CheckedFileTest, StoppedAfterAnyStepItHasOneOfTheTwo) {
  write_checked(path, kind, "oldest");
  write_checked(path, kind, "old");
  std::vector<std::string> steps;
  write_checked(path, kind, "old", [&](const char* step) { steps.emplace_back(step); });
  ASSERT_EQ(steps.size(), 4U);
  for (const std::string& last : steps) {
    write_checked(path, kind, "old");
    const auto stop = [&](const char* step) {
      if (step == last) throw std::runtime_error("stop");
    };
    EXPECT_THROW(write_checked(path, kind, "new", stop), std::runtime_error);
    const auto read = read_checked(path, kind);
    ASSERT_TRUE(read) << last;
    EXPECT_EQ(read->contents, last == steps.back() ? "new" : "old") << last;
  }
}

TEST_F(CheckedFileTest, ADamagedOneNeverTakesThePlaceOfTheOneBefore) {
  write_checked(path, kind, "first");
  write_checked(path, kind, "second");
  put(path, "nonsense");
  const auto stop = [&](const char* step) {
    if (std::string(step) == "checkpoint before it renamed") throw std::runtime_error("stop");
  };
  EXPECT_THROW(write_checked(path, kind, "third", stop), std::runtime_error);
  EXPECT_EQ(read_checked(path, kind)->contents, "first");
  write_checked(path, kind, "third");
  EXPECT_EQ(read_checked(path, kind)->contents, "third");
  put(path, "nonsense");
  EXPECT_EQ(read_checked(path, kind)->contents, "first");
}

TEST_F(CheckedFileTest, AFullDiskLeavesTheOneBefore) {
  write_checked(path, kind, "old");
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto old = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{100, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  std::string what;
  try {
    write_checked(path, kind, "new");
  } catch (const Error& error) {
    what = error.what();
    EXPECT_EQ(error.kind(), ErrorKind::read_write);
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old);
  EXPECT_EQ(what, path + ": cannot be written: File too large");
  EXPECT_EQ(read_checked(path, kind)->contents, "old");
  EXPECT_EQ(folder.contents(), Names{"record"});
}

}  // namespace
}  // namespace fibflow::io
