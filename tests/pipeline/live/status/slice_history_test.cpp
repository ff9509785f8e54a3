#include "pipeline/live/status/slice_history.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace fibflow::pipeline {
namespace {

using std::chrono::seconds;
using Time = std::chrono::system_clock::time_point;

LiveSlice slice_at(std::int64_t z) {
  LiveSlice slice;
  slice.z = z;
  slice.finished = Time(seconds(100000 + 10 * z));
  slice.foreground = 0.001 * static_cast<double>(z % 100);
  return slice;
}

TEST(SliceHistoryTest, ManySlicesAreFewPointsThatLeaveNoSliceOut) {
  SliceHistory history;
  const std::int64_t count = 100003;
  double foreground = 0;
  for (std::int64_t z = 0; z < count; ++z) {
    history.add(slice_at(z));
    foreground += slice_at(z).foreground;
    ASSERT_LE(history.points().size(), SliceHistory::capacity);
  }
  EXPECT_GT(history.points().size(), SliceHistory::capacity / 2);
  std::int64_t next = 0;
  double sum = 0;
  for (const HistoryPoint& point : history.points()) {
    ASSERT_EQ(point.first_z, next);
    ASSERT_EQ(point.slices, point.last_z - point.first_z + 1);
    next = point.last_z + 1;
    sum += point.foreground * static_cast<double>(point.slices);
  }
  EXPECT_EQ(next, count);
  EXPECT_NEAR(sum, foreground, 1e-6);
  ASSERT_EQ(history.recent().size(), SliceHistory::kept_each);
  EXPECT_EQ(history.recent().back().z, count - 1);
}

TEST(SliceHistoryTest, AShortDriftStaysVisibleWhenPointsAreMerged) {
  SliceHistory history;
  for (std::int64_t z = 0; z < 20000; ++z) {
    LiveSlice slice = slice_at(z);
    slice.drift = z == 777 ? 5.0 : 0.01;
    slice.latency = z == 778 ? 60 : 1;
    history.add(slice);
  }
  const auto largest = [&](auto member) {
    return *std::max_element(
        history.points().begin(), history.points().end(),
        [&](const HistoryPoint& a, const HistoryPoint& b) { return a.*member < b.*member; });
  };
  EXPECT_EQ(largest(&HistoryPoint::drift).drift, 5.0);
  EXPECT_EQ(largest(&HistoryPoint::latency).latency, 60);
}

TEST(SliceHistoryTest, WhatWasNotMeasuredIsNotAveragedIn) {
  SliceHistory history;
  const auto count = static_cast<std::int64_t>(SliceHistory::capacity) + 2;
  for (std::int64_t z = 0; z < count; ++z) {
    LiveSlice slice = slice_at(z);
    if (z == 1) slice.entropy = 0.5;
    history.add(slice);
  }
  ASSERT_EQ(history.slices_per_point(), 2);
  EXPECT_EQ(history.points()[0].entropy, 0.5);
  EXPECT_EQ(history.points()[1].entropy, std::nullopt);
  EXPECT_EQ(history.points()[1].drift, std::nullopt);
}

TEST(SliceHistoryTest, TheRateIsThatOfTheLastMinutes) {
  SliceHistory history;
  EXPECT_EQ(history.rate(Time(seconds(5))), 0);
  for (std::int64_t z = 0; z < 60; ++z) history.add(slice_at(z));
  const Time last = history.recent().back().finished;
  EXPECT_NEAR(history.rate(last), 0.1, 1e-9);
  EXPECT_LT(history.rate(last + seconds(100)), 0.08);
  EXPECT_EQ(history.rate(last + seconds(301)), 0);
}

}  // namespace
}  // namespace fibflow::pipeline
