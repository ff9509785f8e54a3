#include "pipeline/cli/terminal/progress.h"
#include "pipeline/flow/spoken.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include "tests/fixtures/screen.h"

namespace fibflow::pipeline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A terminal of a given width and a clock that only the test moves.
struct Stage {
  explicit Stage(int width) : columns(width), terminal(stream, [this] { return columns; }) {}

  std::function<Progress::Time()> clock() {
    return [this] { return now; };
  }

  /// The line that the terminal shows last.
  std::string shown() const {
    testing::Screen screen(static_cast<std::size_t>(columns));
    screen.write(stream.str());
    return screen.lines().back();
  }

  int columns;
  Progress::Time now{seconds(1000)};
  std::ostringstream stream;
  Terminal terminal;
};

TEST(ProgressTest, ShowsShareRateAndTimeLeft) {
  Stage stage(120);
  Progress progress(stage.terminal, {"segment", 100, 2'000'000}, stage.clock());
  for (int slice = 0; slice < 25; ++slice) {
    stage.now += milliseconds(500);
    progress.add_slice();
  }
  EXPECT_EQ(stage.shown(),
            "segment  25% [==========>                             ]  25/100 slices  2.00 slices/s  4.00 "
            "Mvoxel/s  38 s "
            "left");
}

TEST(ProgressTest, NamesNoRateBeforeThereIsOne) {
  Stage stage(120);
  const Progress progress(stage.terminal, {"segment", 100, 1000}, stage.clock());
  EXPECT_EQ(stage.shown(), "segment   0% [>                                       ]  0/100 slices");
}

TEST(ProgressTest, GoesByTheClockWhereTheTimeIsGiven) {
  Stage stage(120);
  Progress::Work work{"train", 0, 1'000'000};
  work.unit = "iterations";
  work.limit = seconds(60);
  Progress progress(stage.terminal, work, stage.clock());
  EXPECT_NE(stage.shown().find("1 min 00 s left"), std::string::npos) << stage.shown();
  stage.now += seconds(15);
  progress.add_slice();
  EXPECT_EQ(stage.shown(),
            "train  25% [==========>                             ]  1 iterations  0.067 iterations/s  0.067 "
            "Mvoxel/s  45 s left");
  EXPECT_EQ(progress.summary(), "1 iterations in 15.0 s: 0.067 iterations/s, 0.067 Mvoxel/s");
  work.limit = seconds(-1);
  EXPECT_THROW(Progress(stage.terminal, work, stage.clock()), std::invalid_argument);
}

TEST(ProgressTest, IsFullWhenAllIsDone) {
  Stage stage(120);
  Progress progress(stage.terminal, {"adapt", 2, 10}, stage.clock());
  stage.now += seconds(1);
  progress.add_slice();
  progress.add_slice();  // at the same instant: the last one must not fall to the redraw limit
  EXPECT_EQ(stage.shown(),
            "adapt 100% [========================================]  2/2 slices  2.00 slices/s  0.000 "
            "Mvoxel/s  0 s left");
}

TEST(ProgressTest, CountsTilesOfUnfinishedSlices) {
  Stage stage(120);
  Progress progress(stage.terminal, {"segment", 2, 1000}, stage.clock());
  stage.now += seconds(1);
  progress.add_voxels(500);
  EXPECT_NE(stage.shown().find(" 25% "), std::string::npos) << stage.shown();
  EXPECT_NE(stage.shown().find(" 0/2 slices"), std::string::npos) << stage.shown();
}

TEST(ProgressTest, RateIsThatOfTheLastSeconds) {
  Stage stage(120);
  Progress progress(stage.terminal, {"segment", 1000, 1000}, stage.clock());
  stage.now += seconds(100);  // the first slice is slow
  progress.add_slice();
  for (int slice = 0; slice < 200; ++slice) {
    stage.now += milliseconds(250);
    progress.add_slice();
  }
  EXPECT_NE(stage.shown().find(" 4.00 slices/s"), std::string::npos) << stage.shown();
  EXPECT_NE(stage.shown().find(" 3 min 20 s left"), std::string::npos) << stage.shown();
}

TEST(ProgressTest, FitsAnyWidth) {
  for (int columns = 1; columns < 130; ++columns) {
    Stage stage(columns);
    Progress progress(stage.terminal, {"segment", 100, 1'000'000}, stage.clock());
    stage.now += seconds(7);
    progress.add_slice();
    testing::Screen screen(static_cast<std::size_t>(columns));
    screen.write(stage.stream.str());
    ASSERT_EQ(screen.lines().size(), 1U) << "wraps at " << columns << " columns";
    if (columns >= 44) {
      EXPECT_NE(stage.shown().find("["), std::string::npos) << "no bar at " << columns << " columns";
      EXPECT_NE(stage.shown().find("11 min 33 s left"), std::string::npos) << columns << " columns";
    }
  }
}

TEST(ProgressTest, DoesWithoutATotal) {
  Stage stage(120);
  Progress progress(stage.terminal, {"watch", 0, 1'000'000}, stage.clock());
  stage.now += seconds(2);
  progress.add_slice();
  EXPECT_EQ(stage.shown(), "watch  1 slices  0.500 slices/s  0.500 Mvoxel/s");
}

TEST(ProgressTest, DrawsSeldom) {
  Stage stage(120);
  Progress progress(stage.terminal, {"segment", 1'000'000, 1000}, stage.clock());
  const auto before = stage.stream.str().size();
  for (int slice = 0; slice < 10'000; ++slice) {
    stage.now += std::chrono::microseconds(100);  // one second in all
    progress.add_slice();
  }
  EXPECT_LT(stage.stream.str().size() - before, 11U * 130U);
}

TEST(ProgressTest, WritesNothingToAPipe) {
  Stage stage(0);
  {
    Progress progress(stage.terminal, {"segment", 3, 1000}, stage.clock());
    for (int slice = 0; slice < 3; ++slice) {
      stage.now += seconds(1);
      progress.add_slice();
    }
  }
  EXPECT_EQ(stage.stream.str(), "");
}

TEST(ProgressTest, TellsABatchSystemALineAMinuteOrEachTwentiethPart) {
  Stage stage(0);
  Progress progress(stage.terminal, {"segment", 5000, 100}, stage.clock());
  for (int i = 0; i < 1240; ++i) {
    stage.now += milliseconds(476);
    progress.add_slice();
  }
  const std::string told = stage.stream.str();
  const auto last = told.rfind('\n', told.size() - 2);
  // The last part that is a multiple of 5 % and a minute after the one before: 3857 slices at 2.10/s are left.
  EXPECT_EQ(told.substr(last + 1), "segment: 1,143 of 5,000 slices, 2.10/s, 30 min 36 s left\n");
  // 590 s: nine minutes, and 5, 10, 15 and 20 % between them.
  const auto lines = std::count(told.begin(), told.end(), '\n');
  EXPECT_GE(lines, 9);
  EXPECT_LE(lines, 14);
  EXPECT_EQ(told.find('\r'), std::string::npos);
  EXPECT_EQ(told.find('\x1b'), std::string::npos);
}

TEST(ProgressTest, TakesTheBarAwayAtTheEnd) {
  Stage stage(80);
  { Progress progress(stage.terminal, {"segment", 3, 1000}, stage.clock()); }
  EXPECT_EQ(stage.shown(), "");
}

TEST(ProgressTest, SummarizesTheWholeRun) {
  Stage stage(0);
  Progress progress(stage.terminal, {"segment", 3, 2'500'000}, stage.clock());
  EXPECT_EQ(progress.summary(), "0 slices in 0.000 s");
  stage.now += seconds(1);
  progress.add_slice();
  stage.now += seconds(3);
  progress.add_slice();
  EXPECT_EQ(progress.summary(), "2 slices in 4.00 s: 0.500 slices/s, 1.25 Mvoxel/s");
  stage.now += seconds(125);
  EXPECT_EQ(progress.summary(), "2 slices in 2 min 09 s: 0.016 slices/s, 0.039 Mvoxel/s");
}

TEST(ProgressTest, RefusesNonsense) {
  Stage stage(0);
  EXPECT_THROW(Progress(stage.terminal, {"segment", -1, 1000}, stage.clock()), std::invalid_argument);
  EXPECT_THROW(Progress(stage.terminal, {"segment", 1, 0}, stage.clock()), std::invalid_argument);
}

TEST(ProgressTest, SpeaksDurationsInFittingUnits) {
  EXPECT_EQ(spoken_duration(seconds(0)), "0 s");
  EXPECT_EQ(spoken_duration(milliseconds(59'400)), "59 s");
  EXPECT_EQ(spoken_duration(milliseconds(59'600)), "1 min 00 s");
  EXPECT_EQ(spoken_duration(seconds(185)), "3 min 05 s");
  EXPECT_EQ(spoken_duration(seconds(2 * 3600 + 13 * 60 + 59)), "2 h 13 min");
}

}  // namespace
}  // namespace fibflow::pipeline
