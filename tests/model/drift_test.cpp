#include "model/drift.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

namespace fibflow::model {
namespace {

Statistics one_channel(double mean, double deviation) {
  return {{{{static_cast<float>(mean)}, {static_cast<float>(deviation * deviation)}}}};
}

/// The mean squared distance that the best transport moves samples of one Gaussian to those of another: in one
/// dimension it pairs them in order.
double sampled_transport(double mean_a, double deviation_a, double mean_b, double deviation_b) {
  constexpr std::size_t count = 400000;
  std::mt19937 random(5);
  std::normal_distribution<double> normal;
  std::vector<double> a(count);
  std::vector<double> b(count);
  for (std::size_t i = 0; i < count; ++i) {
    a[i] = mean_a + deviation_a * normal(random);
    b[i] = mean_b + deviation_b * normal(random);
  }
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum / count;
}

TEST(DriftTest, IsTheOptimalTransportBetweenSampledGaussiansScaledByTheTrueDeviation) {
  const double cases[][4] = {{0, 1, 0, 1}, {0, 1, 2, 1}, {0, 2, 0, 1}, {-1, 0.5, 3, 2}, {4, 3, 4, 0.25}};
  for (const auto& [m, s, mu, sigma] : cases) {
    const double expected = sampled_transport(m / sigma, s / sigma, mu / sigma, 1);
    EXPECT_NEAR(drift(one_channel(m, s), one_channel(mu, sigma)).total, expected, 0.01 * (1 + expected));
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

TEST(DriftTest, RejectsStatisticsOfAnotherShape) {
  EXPECT_THROW(drift(one_channel(0, 1), {}), std::invalid_argument);
  EXPECT_THROW(drift(one_channel(0, 1), {{{{0, 0}, {1, 1}}}}), std::invalid_argument);
}

TEST(DriftTest, OfNoLayersIsZero) {
  EXPECT_EQ(drift({}, {}).per_channel, 0);
}

}  // namespace
}  // namespace fibflow::model
