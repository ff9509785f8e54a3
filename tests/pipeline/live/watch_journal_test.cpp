#include "pipeline/live/watch_journal.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "io/error.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow::pipeline {
namespace {

using Kind = JournalEntry::Kind;
using testing::bytes_of;

JournalEntry taken(std::int64_t number, const std::string& name) {
  JournalEntry entry;
  entry.kind = Kind::taken;
  entry.first = entry.last = number;
  entry.file = {name, 1234, 1700000000123456789};
  entry.record.z = number;
  entry.record.foreground = 1.0 / 3;
  entry.record.drift = 1e-5;
  entry.record.measured = true;
  entry.latency = 2.5;
  return entry;
}

JournalEntry decision(Kind kind, std::int64_t first, std::int64_t last, const std::string& name = "") {
  JournalEntry entry;
  entry.kind = kind;
  entry.first = first;
  entry.last = last;
  entry.file.name = name;
  return entry;
}

std::vector<JournalEntry> taken_of(const WatchJournal& journal) {
  std::vector<JournalEntry> all;
  journal.visit_taken([&](const JournalEntry& entry) { all.push_back(entry); });
  return all;
}

class WatchJournalTest : public ::testing::Test {
 protected:
  testing::TemporaryFolder folder;
  const std::string path = folder / "journal";
};

TEST_F(WatchJournalTest, GivesBackWhatWasWritten) {
  const std::string odd = "a b%\n\xff\xc3\xa4.tif";
  std::uint64_t bytes = 0;
  {
    WatchJournal journal(path, 0);
    journal.append(decision(Kind::first, 117, 117));
    journal.append(taken(117, odd));
    journal.append(decision(Kind::skipped, 118, 120));
    journal.append(decision(Kind::failed, 121, 121, "bad.tif"));
    JournalEntry event = decision(Kind::event, 122, 122);
    event.event = {122, "begun anew", "changed after slice 122"};
    journal.append(event);
    journal.sync();
    bytes = journal.bytes();
  }
  const WatchJournal journal(path, bytes);
  ASSERT_EQ(journal.entries().size(), 4u);
  EXPECT_EQ(journal.entries()[3].event.text, "changed after slice 122");
  EXPECT_EQ(journal.entries()[0].kind, Kind::first);
  const std::vector<JournalEntry> slices = taken_of(journal);
  ASSERT_EQ(slices.size(), 1u);
  const JournalEntry& slice = slices[0];
  EXPECT_EQ(slice.file.name, odd);
  EXPECT_EQ(slice.file.size, 1234u);
  EXPECT_EQ(slice.file.modified_ns, 1700000000123456789);
  EXPECT_EQ(slice.record.foreground, 1.0 / 3);
  EXPECT_EQ(slice.record.drift, 1e-5);
  EXPECT_TRUE(slice.record.measured);
  EXPECT_EQ(slice.latency, 2.5);
  EXPECT_EQ(journal.entries()[1].last, 120);
  EXPECT_EQ(journal.entries()[2].file.name, "bad.tif");
}

TEST_F(WatchJournalTest, ForgetsSlicesThatWereNotAcknowledgedButNoDecision) {
  std::uint64_t acknowledged = 0;
  {
    WatchJournal journal(path, 0);
    journal.append(taken(1, "1.tif"));
    acknowledged = journal.bytes();
    journal.append(taken(2, "2.tif"));
    journal.append(decision(Kind::skipped, 3, 4));
    journal.append(taken(5, "5.tif"));
  }
  for (int round = 0; round < 2; ++round) {
    const WatchJournal journal(path, acknowledged);
    ASSERT_EQ(journal.entries().size(), 1u) << "a second restart finds the same";
    EXPECT_EQ(journal.entries()[0].kind, Kind::skipped);
    ASSERT_EQ(taken_of(journal).size(), 1u);
    EXPECT_EQ(taken_of(journal)[0].first, 1);
  }
}

TEST_F(WatchJournalTest, ForgetsALineThatWasNotWrittenToItsEnd) {
  {
    WatchJournal journal(path, 0);
    journal.append(decision(Kind::first, 1, 1));
    journal.append(decision(Kind::skipped, 2, 2));
  }
  const std::string whole = bytes_of(path);
  const std::size_t first_line = whole.find('\n') + 1;
  for (std::size_t size = first_line; size < whole.size(); ++size) {
    folder.write("journal", whole.substr(0, size));
    WatchJournal journal(path, 0);
    ASSERT_EQ(journal.entries().size(), 1u) << size;
    journal.append(decision(Kind::skipped, 9, 9));
    EXPECT_EQ(WatchJournal(path, 0).entries().size(), 2u) << "what comes after it is not lost";
  }
}

TEST_F(WatchJournalTest, RefusesToGoOnIfWhatWasAcknowledgedIsNotThereOrDamaged) {
  std::uint64_t bytes = 0;
  {
    WatchJournal journal(path, 0);
    journal.append(taken(1, "1.tif"));
    bytes = journal.bytes();
  }
  EXPECT_THROW(WatchJournal(path, bytes + 1), io::Error);
  std::string damaged = bytes_of(path);
  damaged[25] ^= 1;
  folder.write("journal", damaged);
  EXPECT_THROW(WatchJournal(path, bytes), io::Error);
}

}  // namespace
}  // namespace fibflow::pipeline
