#include "nodes/statistics/drift_monitor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

namespace fibflow::nodes {
namespace {

MonitorRule rule(double drift, double factor, int slices) {
  return {drift, factor, slices};
}

/// Of networks with one layer.
DriftMonitor that_learnt(MonitorRule rule, const std::vector<double>& distances) {
  DriftMonitor monitor(rule);
  for (const double distance : distances) monitor.learn({distance});
  return monitor;
}

double limit_of(DriftMonitor monitor) {
  const auto departure = monitor.departs({1e9});
  return departure ? departure->limit : -1;
}

TEST(DriftMonitorTest, LimitIsSoManyTimesTheUsual) {
  const DriftMonitor monitor = that_learnt(rule(0.001, 3, 2), {0.1, 0.1, 0.11, 0.09, 0.1});
  EXPECT_DOUBLE_EQ(limit_of(monitor), 0.3);
}

TEST(DriftMonitorTest, LimitIsAtLeastTheDriftThatMatters) {
  EXPECT_DOUBLE_EQ(limit_of(that_learnt(rule(0.05, 3, 2), {0.01, 0.01})), 0.05);
}

TEST(DriftMonitorTest, SingleSlicesDoNotMoveTheUsual) {
  const DriftMonitor monitor =
      that_learnt(rule(0.001, 3, 2), {0.1, 50, 0.1, 0.1, std::numeric_limits<double>::infinity()});
  EXPECT_DOUBLE_EQ(limit_of(monitor), 0.3);
}

TEST(DriftMonitorTest, EachLayerHasItsOwnUsual) {
  DriftMonitor monitor(rule(0.01, 10, 1));
  for (int n = 0; n < 5; ++n) monitor.learn({0.001, 0.1, 0.002});
  EXPECT_FALSE(monitor.departs({0.009, 0.9, 0.019}));
  const auto departure = monitor.departs({0.011, 0.9, 0.06});
  ASSERT_TRUE(departure);
  EXPECT_EQ(departure->layer, 2U);  // three times its limit; the first one is just above its own
  EXPECT_DOUBLE_EQ(departure->drift, 0.06);
  EXPECT_DOUBLE_EQ(departure->usual, 0.002);
  EXPECT_DOUBLE_EQ(departure->limit, 0.02);
}

TEST(DriftMonitorTest, HasChangedAfterSoManyDeparturesInARow) {
  DriftMonitor monitor = that_learnt(rule(0.05, 4, 3), {0.01});
  for (int n = 0; n < 3; ++n) {
    EXPECT_FALSE(monitor.has_changed());
    EXPECT_TRUE(monitor.departs({1}));
  }
  EXPECT_TRUE(monitor.has_changed());
}

TEST(DriftMonitorTest, ASliceThatDoesNotDepartEndsTheSuspicion) {
  DriftMonitor monitor = that_learnt(rule(0.05, 4, 2), {0.01, 0.01, 0.01});
  for (int round = 0; round < 3; ++round) {
    EXPECT_TRUE(monitor.departs({1}));
    EXPECT_TRUE(monitor.suspects());
    EXPECT_FALSE(monitor.departs({0.01}));
    EXPECT_FALSE(monitor.suspects());
    EXPECT_FALSE(monitor.has_changed());
  }
}

TEST(DriftMonitorTest, TheFirstLayerAloneCountsNothing) {
  DriftMonitor monitor(rule(0.05, 4, 1));
  EXPECT_FALSE(monitor.seems_to_depart(1)) << "nothing was learnt";
  monitor.learn({0.02, 5});
  EXPECT_FALSE(monitor.seems_to_depart(0.08));
  EXPECT_TRUE(monitor.seems_to_depart(0.081));
  EXPECT_FALSE(monitor.suspects());
}

TEST(DriftMonitorTest, WhatComesGraduallyDepartsInTheEnd) {
  DriftMonitor monitor = that_learnt(rule(0.05, 4, 1), {0.02, 0.02, 0.02, 0.02, 0.02});
  int slices = 0;
  for (; !monitor.departs({0.02 * std::pow(1.02, slices)}); ++slices)
    monitor.learn({0.02 * std::pow(1.02, slices)});
  EXPECT_GE(slices, 70);  // 1.02^70 is the first above 4
  EXPECT_LE(slices, 80);  // what was learnt on the way is a little above 0.02
}

TEST(DriftMonitorTest, OnlyTheFirstSlicesAreWhatIsUsual) {
  DriftMonitor monitor(rule(0.001, 4, 1));
  for (int n = 0; n < 100; ++n) monitor.learn({n < 16 ? 0.01 : 1});
  EXPECT_DOUBLE_EQ(limit_of(monitor), 0.04);
  EXPECT_EQ(monitor.state().usual.size(), DriftMonitor::most_learnt);
}

TEST(DriftMonitorTest, WithoutAnythingLearntNothingDeparts) {
  EXPECT_FALSE(DriftMonitor(rule(0.05, 4, 1)).departs({1e9}));
  DriftMonitor monitor = that_learnt(rule(0.05, 4, 1), {0.01});
  monitor.forget();
  EXPECT_FALSE(monitor.departs({1}));
}

TEST(DriftMonitorTest, ARuleWithoutSlicesIsOff) {
  DriftMonitor monitor = that_learnt(rule(0.05, 4, 0), {0.01});
  EXPECT_FALSE(monitor.departs({1e9}));
  EXPECT_FALSE(monitor.seems_to_depart(1e9));
  EXPECT_FALSE(monitor.has_changed());
}

TEST(DriftMonitorTest, AnInfiniteDriftDeparts) {
  DriftMonitor monitor = that_learnt(rule(0.05, 4, 1), {0.01});
  EXPECT_TRUE(monitor.departs({std::numeric_limits<double>::infinity()}));
}

TEST(DriftMonitorTest, GoesOnFromAState) {
  DriftMonitor monitor = that_learnt(rule(0.05, 4, 2), {0.01, 0.03});
  monitor.departs({1});
  DriftMonitor other(rule(0.05, 4, 2));
  other.restore(monitor.state());
  EXPECT_EQ(other.state(), monitor.state());
  EXPECT_TRUE(other.departs({1}));
  EXPECT_TRUE(other.has_changed());
}

TEST(DriftMonitorTest, RefusesRulesOutOfRange) {
  EXPECT_THROW(DriftMonitor(rule(0, 4, 2)), std::invalid_argument);
  EXPECT_THROW(DriftMonitor(rule(0.05, 0, 2)), std::invalid_argument);
  EXPECT_THROW(DriftMonitor(rule(0.05, 4, -1)), std::invalid_argument);
  EXPECT_THROW(DriftMonitor(rule(std::nan(""), 4, 2)), std::invalid_argument);
}

}  // namespace
}  // namespace fibflow::nodes
