#include "model/statistics/drift.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

namespace fibflow::model {
namespace {

Statistics one_channel(double mean, double deviation) {
  return {{{{static_cast<float>(mean)}, {static_cast<float>(deviation * deviation)}}}};
}

/// Where a Gaussian has gathered the share `lower` of its mass, 1 - lower = `upper`; found by halving an interval.
double quantile(double mean, double deviation, double lower, double upper) {
  double low = -40;
  double high = 40;
  while (high - low > 1e-13 * (1 + std::abs(low))) {
    const double middle = (low + high) / 2;
    // The smaller of the two shares is the one that is exact.
    const bool below = lower < 0.5 ? 0.5 * std::erfc(-middle / std::sqrt(2)) < lower
                                   : 0.5 * std::erfc(middle / std::sqrt(2)) > upper;
    (below ? low : high) = middle;
  }
  return mean + deviation * (low + high) / 2;
}

/// The squared 2-Wasserstein distance in one dimension, where the best transport keeps the order: the integral of
/// the squared difference of the inverse distribution functions over the shares u from 0 to 1. Both ends, where
/// the functions run to infinity, are smoothed by u = s² (3 - 2 s).
double transport(double mean_a, double deviation_a, double mean_b, double deviation_b) {
  constexpr int steps = 4000;
  double sum = 0;
  for (int i = 0; i < steps; ++i) {
    const double s = (i + 0.5) / steps;
    const double lower = s * s * (3 - 2 * s);
    const double upper = (1 - s) * (1 - s) * (1 + 2 * s);
    const double apart =
        quantile(mean_a, deviation_a, lower, upper) - quantile(mean_b, deviation_b, lower, upper);
    sum += apart * apart * 6 * s * (1 - s) / steps;
  }
  return sum;
}

TEST(DriftTest, IsTheIntegralOfTheOptimalTransportScaledByTheTrueDeviation) {
  const double cases[][4] = {{0, 1, 0, 1},        {0, 1, 2, 1},   {0, 2, 0, 1},  {-1, 0.5, 3, 2},
                             {4, 3, 4, 0.25},     {1, 0, 0, 0.5}, {-2, 5, 1, 4}, {0.125, 0.75, 0.25, 0.875},
                             {100, 1, 101, 0.125}};
  for (const auto& [m, s, mu, sigma] : cases) {
    const double expected = transport(m / sigma, s / sigma, mu / sigma, 1);
    EXPECT_NEAR(drift(one_channel(m, s), one_channel(mu, sigma)).total, expected, 1e-5 * (1e-3 + expected));
  }
}

TEST(DriftTest, IsZeroForEqualStatisticsOnly) {
  const Statistics a = one_channel(0.3, 1.7);
  EXPECT_EQ(drift(a, a).total, 0);
  EXPECT_GT(drift(a, one_channel(0.3001, 1.7)).total, 0);
  EXPECT_GT(drift(a, one_channel(0.3, 1.7001)).total, 0);
}

TEST(DriftTest, TheTruthNormalizes) {
  EXPECT_NEAR(drift(one_channel(0, 2), one_channel(0, 1)).total, 1, 1e-6);
  EXPECT_NEAR(drift(one_channel(0, 1), one_channel(0, 2)).total, 0.25, 1e-6);
}

TEST(DriftTest, SumsOverChannelsAndLayers) {
  const Statistics estimated{{{{0, 0}, {1, 1}}, {{0}, {1}}}};
  const Statistics truth{{{{1, 2}, {1, 1}}, {{3}, {1}}}};
  const Drift result = drift(estimated, truth);
  EXPECT_EQ(result.layers, (std::vector<double>{5, 9}));
  EXPECT_EQ(result.total, 14);
  EXPECT_NEAR(result.per_channel, 14.0 / 3, 1e-12);
}

TEST(DriftTest, AConstantTruthIsInfinitelyFarFromAnythingElse) {
  EXPECT_EQ(drift(one_channel(1, 0), one_channel(1, 0)).total, 0);
  EXPECT_EQ(drift(one_channel(1, 0.1), one_channel(1, 0)).total, std::numeric_limits<double>::infinity());
  EXPECT_EQ(drift(one_channel(2, 0), one_channel(1, 0)).total, std::numeric_limits<double>::infinity());
}

TEST(DriftTest, SaysWhetherMeanOrSpreadMoved) {
  const auto channels = channel_drifts({{1, 3}, {4, 1}}, {{1, 1}, {1, 1}});
  ASSERT_EQ(channels.size(), 2U);
  EXPECT_EQ(channels[0].mean, 0);
  EXPECT_EQ(channels[0].spread, 1);
  EXPECT_EQ(channels[1].mean, 4);
  EXPECT_EQ(channels[1].spread, 0);
}

TEST(DriftTest, NamesTheChannelsThatMovedMostTheFarthestFirst) {
  const Statistics estimated{{{{0, 3, 0}, {1, 1, 1}}, {{1, 0}, {1, 9}}}};
  const Statistics truth{{{{0, 0, 1}, {1, 1, 1}}, {{0, 0}, {1, 0}}}};
  const auto moved = moved_most(estimated, truth, 9);
  ASSERT_EQ(moved.size(), 4U) << "one channel has not moved";
  EXPECT_EQ(moved[0].layer, 1U);
  EXPECT_EQ(moved[0].channel, 1U);
  EXPECT_EQ(moved[0].drift.spread, std::numeric_limits<double>::infinity());
  EXPECT_EQ(moved[0].drift.mean, 0);
  EXPECT_EQ(moved[1].drift.total(), 9);
  EXPECT_EQ(moved[2].layer, 0U) << "the first of two that are equally far";
  EXPECT_EQ(moved[3].layer, 1U);
  EXPECT_EQ(moved_most(estimated, truth, 2).size(), 2U);
}

TEST(DriftTest, RejectsANegativeVariance) {
  EXPECT_THROW(drift({{{{0}, {-1}}}}, one_channel(0, 1)), std::invalid_argument);
  EXPECT_THROW(drift(one_channel(0, 1), {{{{0}, {-1}}}}), std::invalid_argument);
}

TEST(DriftTest, RejectsStatisticsOfAnotherShape) {
  EXPECT_THROW(drift(one_channel(0, 1), {}), std::invalid_argument);
  EXPECT_THROW(drift(one_channel(0, 1), {{{{0, 0}, {1, 1}}}}), std::invalid_argument);
}

TEST(DriftTest, OfNoLayersIsZero) {
  EXPECT_EQ(drift({}, {}).per_channel, 0);
}

}  // namespace
}  // namespace fibflow::model
