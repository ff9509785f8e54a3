#include "pipeline/state/journal.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow::pipeline {
namespace {

using testing::bytes_of;
using Lines = std::vector<std::string>;

Lines lines_of(const Journal& journal, std::uint64_t until = UINT64_MAX) {
  Lines lines;
  journal.read([&](const Journal::Line& line) { lines.emplace_back(line.text); }, until);
  return lines;
}

class JournalTest : public ::testing::Test {
 protected:
  testing::TemporaryFolder folder;
  const std::string path = folder / "journal";
};

TEST_F(JournalTest, GivesBackItsLinesAlsoToTheNextProcess) {
  const std::string large(200'000, 'x');  // larger than what is read at once
  {
    Journal journal(path);
    EXPECT_EQ(journal.bytes(), 0u);
    for (const std::string& text : {std::string("one"), std::string(), large, std::string("last \x01 \xff")})
      journal.append(text);
    EXPECT_EQ(lines_of(journal).size(), 4u);
    journal.sync();
  }
  Journal journal(path);
  EXPECT_EQ(journal.bytes(), std::filesystem::file_size(path));
  EXPECT_EQ(lines_of(journal), (Lines{"one", "", large, "last \x01 \xff"}));
  std::uint64_t before = 0;
  const std::uint64_t all = journal.read([&](const Journal::Line& line) {
    EXPECT_EQ(line.begin, before);
    before = line.end;
  });
  EXPECT_EQ(all, journal.bytes());
}

TEST_F(JournalTest, StopsAtTheFirstLineThatIsNotWhole) {
  std::vector<std::uint64_t> ends;
  {
    Journal journal(path);
    for (const char* text : {"a", "bc", "def"}) {
      journal.append(text);
      ends.push_back(journal.bytes());
    }
  }
  const std::string whole = bytes_of(path);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] ^= 1;
    folder.write("journal", damaged);
    std::size_t untouched = 0;
    while (ends[untouched] <= at) ++untouched;
    EXPECT_EQ(lines_of(Journal(path)).size(), untouched) << "byte " << at;
    folder.write("journal", whole.substr(0, at));
    EXPECT_EQ(lines_of(Journal(path)).size(), untouched) << "cut at byte " << at;
  }
  folder.write("journal", whole);
  EXPECT_EQ(lines_of(Journal(path), ends[1]), (Lines{"a", "bc"}));
  EXPECT_EQ(lines_of(Journal(path), ends[1] - 1), Lines{"a"});
}

TEST_F(JournalTest, WhatHasNoLineBreakIsNotReadToItsEnd) {
  folder.write("journal", std::string(8 << 20, 'x'));
  EXPECT_EQ(lines_of(Journal(path)).size(), 0u);
}

TEST_F(JournalTest, IsCutAndGoesOn) {
  Journal journal(path);
  journal.append("stays");
  const std::uint64_t bytes = journal.bytes();
  journal.append("goes");
  journal.cut(bytes);
  journal.append("comes");
  journal.sync();
  EXPECT_EQ(lines_of(journal), (Lines{"stays", "comes"}));
  EXPECT_EQ(lines_of(Journal(path)), (Lines{"stays", "comes"}));
}

TEST_F(JournalTest, KeepsOnlyWhatItIsToldTo) {
  Journal journal(path);
  for (const char* text : {"1", "2", "3", "4"}) journal.append(text);
  journal.keep_only([](const Journal::Line& line) { return line.text != "2" && line.text != "4"; });
  journal.append("5");
  EXPECT_EQ(lines_of(journal), (Lines{"1", "3", "5"}));
  EXPECT_EQ(lines_of(Journal(path)), (Lines{"1", "3", "5"}));
}

TEST_F(JournalTest, OneWithoutANameLeavesNothing) {
  {
    Journal journal(Journal::WithoutName{folder / ""});
    for (int i = 0; i < 1000; ++i) journal.append(std::to_string(i));
    journal.sync();
    EXPECT_EQ(lines_of(journal).size(), 1000u);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder / ""));
}

}  // namespace
}  // namespace fibflow::pipeline
