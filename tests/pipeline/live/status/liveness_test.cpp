#include "pipeline/live/status/liveness.h"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>

namespace fibflow::pipeline {
namespace {

using std::chrono::seconds;

struct LivenessTest : ::testing::Test {
  Liveness::Time now{};
  int beats = 0;
  Liveness liveness{seconds(60), [this] { ++beats; }, [this] { return now; }};
};

TEST_F(LivenessTest, SilenceBeyondTheLimitIsNoLife) {
  liveness.progress();
  now += seconds(60);
  EXPECT_TRUE(liveness.verdict().alive);
  now += seconds(1);
  EXPECT_FALSE(liveness.verdict().alive);
  EXPECT_EQ(liveness.verdict().reason, "nothing has happened for 1 min 01 s; last: working");
  liveness.progress();
  EXPECT_TRUE(liveness.verdict().alive);
}

TEST_F(LivenessTest, WaitingIsALifeThatGivesItsReason) {
  for (int i = 0; i < 1000; ++i) {
    now += seconds(5);
    liveness.waiting("slice 118 is not there yet");
    ASSERT_TRUE(liveness.verdict().alive);
  }
  EXPECT_EQ(liveness.verdict().reason, "slice 118 is not there yet");
  EXPECT_EQ(beats, 1000);
}

TEST_F(LivenessTest, WorkThatHangsIsNotCoveredByAnotherThreadsWaiting) {
  const Liveness::Work work(liveness);
  const int before = beats;
  for (int i = 0; i < 13; ++i) {
    now += seconds(5);
    liveness.waiting("slice 118 is not there yet");
  }
  EXPECT_FALSE(liveness.verdict().alive);
  EXPECT_EQ(beats, before);
  liveness.progress();
  EXPECT_TRUE(liveness.verdict().alive);
}

TEST_F(LivenessTest, WaitingCountsAgainWhenTheWorkIsDone) {
  { const Liveness::Work work(liveness); }
  now += seconds(59);
  liveness.waiting("no room on /out");
  now += seconds(59);
  EXPECT_TRUE(liveness.verdict().alive);
}

TEST(LivenessLimitTest, MustBeSomeTime) {
  EXPECT_THROW(Liveness(seconds(0)), std::invalid_argument);
}

}  // namespace
}  // namespace fibflow::pipeline
