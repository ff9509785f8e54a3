#include "pipeline/live/status/latency.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <random>
#include <stdexcept>
#include <vector>

namespace fibflow::pipeline {
namespace {

TEST(LatencyTest, QuantilesAreThoseOfTheSortedTimes) {
  std::mt19937 random(7);
  std::lognormal_distribution<double> distribution(0.5, 1.2);
  std::vector<double> times;
  Latencies latencies;
  for (int i = 0; i < 5001; ++i) {
    times.push_back(distribution(random));
    latencies.add(times.back());
  }
  std::sort(times.begin(), times.end());
  for (const double share : {0.01, 0.5, 0.9, 0.99, 1.0}) {
    const double exact = times[static_cast<std::size_t>(std::ceil(share * 5001)) - 1];
    EXPECT_NEAR(latencies.quantile(share), exact, 0.021 * exact) << share;
  }
  EXPECT_NEAR(latencies.sum(), std::accumulate(times.begin(), times.end(), 0.0), 1e-6);
  EXPECT_EQ(latencies.longest(), times.back());
}

TEST(LatencyTest, ATimeOnAnEdgeCountsBelowIt) {
  Latencies latencies;
  latencies.add(0);
  latencies.add(Latencies::edges[2]);
  latencies.add(std::nextafter(Latencies::edges[2], 10.0));
  latencies.add(1e9);
  EXPECT_EQ(latencies.buckets()[0], 1U);
  EXPECT_EQ(latencies.buckets()[2], 1U);
  EXPECT_EQ(latencies.buckets()[3], 1U);
  EXPECT_EQ(latencies.buckets().back(), 1U);
  EXPECT_EQ(latencies.count(), 4U);
}

TEST(LatencyTest, NothingMeasuredIsZeroAndNonsenseIsRefused) {
  Latencies latencies;
  EXPECT_EQ(latencies.quantile(0.5), 0);
  EXPECT_THROW(latencies.add(-1), std::invalid_argument);
  EXPECT_THROW(latencies.add(std::numeric_limits<double>::quiet_NaN()), std::invalid_argument);
  EXPECT_EQ(latencies.count(), 0U);
}

}  // namespace
}  // namespace fibflow::pipeline
