#include "pipeline/live/status/live_status.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace fibflow::pipeline {
namespace {

TEST(StatusBoardTest, AReadingStaysWhatItWas) {
  StatusBoard board;
  const StatusBoard::Posted before = board.latest();
  board.change([](LiveStatus& status) { status.counts.seen = 5; });
  EXPECT_EQ(before.status->counts.seen, 0U);
  EXPECT_EQ(board.latest().status->counts.seen, 5U);
  EXPECT_GT(board.latest().version, before.version);
  EXPECT_EQ(board.latest().status, board.latest().status) << "an unchanged status is copied once";
}

TEST(LiveStatusTest, IsOneLineForAListOfServices) {
  LiveStatus status;
  status.state = LiveState::running;
  status.counts.processed = 117;
  EXPECT_EQ(one_line(status), "running; 117 done, 0 pending");
  status.state = LiveState::waiting;
  status.reason = "slice 120 is missing, slice 121 is there";
  status.counts.pending = 3;
  status.counts.skipped = 2;
  status.counts.failed = 1;
  EXPECT_EQ(one_line(status),
            "waiting: slice 120 is missing, slice 121 is there; 117 done, 3 pending, 3 left out");
}

TEST(StatusBoardTest, WhoWaitsIsWokenByAChange) {
  StatusBoard board;
  const std::uint64_t seen = board.version();
  EXPECT_EQ(board.wait_for_change(seen, std::chrono::milliseconds(0)), seen);
  std::thread changer([&board] { board.change([](LiveStatus& status) { ++status.counts.late; }); });
  EXPECT_GT(board.wait_for_change(seen, std::chrono::minutes(5)), seen);
  changer.join();
}

TEST(StatusBoardTest, ReadersSeeWholeChangesOnly) {
  StatusBoard board;
  std::atomic<bool> done = false;
  std::vector<std::thread> readers;
  std::atomic<int> torn = 0;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        const auto status = board.latest().status;
        if (status->counts.processed != status->latency.count() ||
            status->counts.processed != status->counts.seen) {
          ++torn;
        }
      }
    });
  }
  for (int i = 0; i < 2000; ++i) {
    board.change([](LiveStatus& status) {
      ++status.counts.seen;
      ++status.counts.processed;
      status.latency.add(1);
    });
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(board.latest().status->counts.processed, 2000U);
}

TEST(WarningLogTest, ATextThatComesAgainIsCountedAndMovesToTheEnd) {
  WarningLog log;
  log.add("a");
  log.add("b");
  log.add("a");
  ASSERT_EQ(log.entries().size(), 2U);
  EXPECT_EQ(log.entries().back().text, "a");
  EXPECT_EQ(log.entries().back().times, 2U);
  EXPECT_EQ(log.count(), 3U);
}

TEST(WarningLogTest, KeepsTheLastOnes) {
  WarningLog log;
  for (int i = 0; i < 1000; ++i) log.add("slice " + std::to_string(i));
  EXPECT_EQ(log.entries().size(), WarningLog::capacity);
  EXPECT_EQ(log.entries().back().text, "slice 999");
  EXPECT_EQ(log.count(), 1000U);
}

}  // namespace
}  // namespace fibflow::pipeline
