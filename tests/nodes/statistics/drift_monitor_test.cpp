#include "nodes/statistics/drift_monitor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

namespace fibflow::nodes {
namespace {

MonitorRule rule(double drift, double factor, int slices) {
  MonitorRule rule;
  rule.drift = drift;
  rule.factor = factor;
  rule.slices = slices;
  return rule;
}

DriftMonitor that_learnt(MonitorRule rule, std::initializer_list<double> drifts) {
  DriftMonitor monitor(rule);
  for (const double drift : drifts) monitor.learn(drift);
  return monitor;
}

TEST(DriftMonitorTest, LimitIsTwiceTheUsual) {
  const DriftMonitor monitor = that_learnt(rule(0.001, 3, 2), {0.1, 0.1, 0.11, 0.09, 0.1});
  EXPECT_DOUBLE_EQ(monitor.usual(), 0.1);
  EXPECT_DOUBLE_EQ(monitor.limit(), 0.2);
}

TEST(DriftMonitorTest, LimitGrowsWithTheSpreadWhereThatIsWider) {
  // Deviations from 1: 1, 1, 0, 8, 9; their median, 1, is 1.4826 standard deviations of a normal distribution.
  const DriftMonitor monitor = that_learnt(rule(0.001, 3, 2), {0, 0, 1, 9, 10});
  EXPECT_DOUBLE_EQ(monitor.limit(), 1 + 3 * 1.4826);
}

TEST(DriftMonitorTest, LimitIsAboveTheUsualByTheDriftThatMatters) {
  EXPECT_DOUBLE_EQ(that_learnt(rule(0.05, 3, 2), {0.01, 0.01}).limit(), 0.06);
}

TEST(DriftMonitorTest, SingleSlicesDoNotMoveTheUsual) {
  const DriftMonitor monitor =
      that_learnt(rule(0.001, 3, 2), {0.1, 50, 0.1, 0.1, std::numeric_limits<double>::infinity()});
  EXPECT_DOUBLE_EQ(monitor.limit(), 0.2);
}

TEST(DriftMonitorTest, ReopensAfterSoManyDeparturesInARow) {
  DriftMonitor monitor = that_learnt(rule(0.05, 4, 3), {0.01});
  EXPECT_FALSE(monitor.departs(1));
  EXPECT_FALSE(monitor.departs(1));
  EXPECT_TRUE(monitor.departs(1));
}

TEST(DriftMonitorTest, ASliceThatDoesNotDepartEndsTheSuspicion) {
  DriftMonitor monitor = that_learnt(rule(0.05, 4, 2), {0.01, 0.01, 0.01});
  for (int round = 0; round < 3; ++round) {
    EXPECT_FALSE(monitor.departs(1));
    EXPECT_TRUE(monitor.suspects());
    for (int n = 0; n < 3; ++n) EXPECT_FALSE(monitor.departs(0.01));
    EXPECT_FALSE(monitor.suspects());
  }
}

TEST(DriftMonitorTest, WhatComesGraduallyDepartsInTheEnd) {
  DriftMonitor monitor = that_learnt(rule(0.05, 4, 1), {0.02, 0.02, 0.02, 0.02, 0.02});
  int slices = 0;
  while (!monitor.departs(0.02 * std::pow(1.02, slices))) ++slices;
  EXPECT_EQ(slices, 64);  // 1.02^64 is the first above 3.5, that is 0.07
}

TEST(DriftMonitorTest, TheLastSlicesLearntAreWhatIsUsual) {
  DriftMonitor monitor(rule(0.001, 4, 1));
  for (int n = 0; n < 100; ++n) monitor.learn(n < 36 ? 1 : 0.01);
  EXPECT_DOUBLE_EQ(monitor.limit(), 0.02);
  EXPECT_EQ(monitor.state().usual.size(), 64U);
}

TEST(DriftMonitorTest, WithoutAnythingLearntNothingDeparts) {
  EXPECT_FALSE(DriftMonitor(rule(0.05, 4, 1)).departs(1e9));
  DriftMonitor monitor = that_learnt(rule(0.05, 4, 1), {0.01});
  monitor.forget();
  EXPECT_FALSE(monitor.departs(1));
}

TEST(DriftMonitorTest, AnInfiniteDriftDeparts) {
  DriftMonitor monitor = that_learnt(rule(0.05, 4, 1), {0.01});
  EXPECT_TRUE(monitor.departs(std::numeric_limits<double>::infinity()));
}

TEST(DriftMonitorTest, RefusesRulesOutOfRange) {
  EXPECT_THROW(DriftMonitor(rule(0, 4, 2)), std::invalid_argument);
  EXPECT_THROW(DriftMonitor(rule(0.05, 0, 2)), std::invalid_argument);
  EXPECT_THROW(DriftMonitor(rule(0.05, 4, 0)), std::invalid_argument);
  MonitorRule negative;
  negative.every = -1;
  EXPECT_THROW(DriftMonitor{negative}, std::invalid_argument);
}

}  // namespace
}  // namespace fibflow::nodes
