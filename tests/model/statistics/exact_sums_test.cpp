#include "model/statistics/exact_sums.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <stdexcept>
#include <vector>

#include "model/error.h"

namespace fibflow::model {
namespace {

constexpr std::size_t channels = 3;

Statistics pivot() {
  return {{{{0.5F, -3, 0}, {0.25F, 4, 0}}, {{10, 0, 1e-3F}, {1e-12F, 1, 1e6F}}}};
}

/// Of images that are more or less as the source was; far: nothing like it.
std::vector<Moments> images(int count, double far = 1) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal;
  std::vector<Moments> all;
  for (int i = 0; i < count; ++i) {
    Moments moments;
    for (const LayerStatistics& layer : pivot().layers) {
      LayerMoments m;
      m.count = 1000 + 17 * i;
      for (std::size_t c = 0; c < channels; ++c) {
        const double deviation = std::sqrt(double{layer.variance[c]} + 1e-5);
        m.mean.push_back(layer.mean[c] + far * deviation * normal(random));
        m.squares.push_back(m.count * deviation * deviation * std::exp(normal(random)));
      }
      moments.layers.push_back(std::move(m));
    }
    all.push_back(std::move(moments));
  }
  return all;
}

ExactSums sum_of(const std::vector<Moments>& images) {
  ExactSums sums;
  for (const Moments& moments : images) sums.merge(ExactSums::of(moments, pivot()));
  return sums;
}

TEST(ExactSumsTest, AnyOrderAndGroupingGivesTheSameBits) {
  std::vector<Moments> all = images(40);
  const ExactSums expected = sum_of(all);
  std::mt19937_64 random(3);
  bool rounding_differs = false;
  Moments in_order;
  for (const Moments& moments : all) in_order.merge(moments);
  for (int trial = 0; trial < 20; ++trial) {
    std::shuffle(all.begin(), all.end(), random);
    const auto cut = static_cast<std::ptrdiff_t>(1 + random() % 39);
    ExactSums first = sum_of({all.begin(), all.begin() + cut});
    ExactSums second = sum_of({all.begin() + cut, all.end()});
    second.merge(first);
    EXPECT_EQ(second, expected);
    EXPECT_EQ(second.moments(pivot()), expected.moments(pivot()));
    Moments doubles;
    for (const Moments& moments : all) doubles.merge(moments);
    rounding_differs = rounding_differs || !(doubles == in_order);
  }
  EXPECT_TRUE(rounding_differs) << "doubles would have done: the test shows nothing";
}

TEST(ExactSumsTest, WhatWasAddedCanBeTakenAway) {
  const std::vector<Moments> all = images(9);
  ExactSums window = sum_of(all);
  for (int i = 0; i < 4; ++i) window.subtract(ExactSums::of(all[static_cast<std::size_t>(i)], pivot()));
  EXPECT_EQ(window, sum_of({all.begin() + 4, all.end()}));
}

TEST(ExactSumsTest, AgreesWithTheMomentsOfAllPixels) {
  for (const double far : {0.0, 1.0, 100.0}) {
    const std::vector<Moments> all = images(25, far);
    Moments expected;
    for (const Moments& moments : all) expected.merge(moments);
    const Moments found = sum_of(all).moments(pivot());
    for (std::size_t l = 0; l < expected.layers.size(); ++l) {
      EXPECT_EQ(found.layers[l].count, expected.layers[l].count);
      for (std::size_t c = 0; c < channels; ++c) {
        const double variance = expected.layers[l].squares[c] / expected.layers[l].count;
        EXPECT_NEAR(found.layers[l].mean[c], expected.layers[l].mean[c], 1e-10 * std::sqrt(variance));
        EXPECT_NEAR(found.layers[l].squares[c] / expected.layers[l].squares[c], 1, 1e-10)
            << "layer " << l << ", channel " << c << ", " << far << " deviations away";
      }
    }
  }
}

TEST(ExactSumsTest, TheLargestThatItIsMadeForFits) {
  // 10^15 pixels, 23,000 deviations away, of a million images.
  Moments moments;
  for (const LayerStatistics& layer : pivot().layers) {
    LayerMoments m{1e9, {}, std::vector<double>(channels, 0)};
    for (std::size_t c = 0; c < channels; ++c)
      m.mean.push_back(layer.mean[c] + 23000 * std::sqrt(double{layer.variance[c]} + 1e-5));
    moments.layers.push_back(std::move(m));
  }
  ExactSums sums = ExactSums::of(moments, pivot());
  for (int doubling = 0; doubling < 19; ++doubling) {
    const ExactSums half = sums;
    sums.merge(half);
  }
  EXPECT_NEAR(sums.moments(pivot()).layers[0].mean[1] / (-3 + 23000 * std::sqrt(4 + 1e-5)), 1, 1e-12);
  EXPECT_THROW(
      {
        for (int doubling = 0; doubling < 20; ++doubling) {
          const ExactSums half = sums;
          sums.merge(half);
        }
      },
      std::overflow_error);
}

TEST(ExactSumsTest, ALayerOfWhichNothingCountsAddsNothing) {
  std::vector<Moments> all = images(2);
  ExactSums sums = ExactSums::of(all[0], pivot());
  for (LayerMoments& layer : all[1].layers) layer = {};
  sums.merge(ExactSums::of(all[1], pivot()));
  EXPECT_EQ(sums, ExactSums::of(all[0], pivot()));
}

TEST(ExactSumsTest, RefusesWhatIsNoNumberOrTooLargeOrOfAnotherNetwork) {
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), 1e40}) {
    Moments moments = images(1)[0];
    moments.layers[1].mean[2] = bad;
    EXPECT_THROW(ExactSums::of(moments, pivot()), ModelError);
  }
  Moments fewer = images(1)[0];
  fewer.layers.pop_back();
  EXPECT_THROW(ExactSums::of(fewer, pivot()), std::invalid_argument);
  ExactSums sums = sum_of(images(1));
  ExactSums other = sums;
  other.layers.pop_back();
  EXPECT_THROW(sums.merge(other), std::invalid_argument);
  EXPECT_THROW(sums.subtract(other), std::invalid_argument);
  EXPECT_THROW(other.moments(pivot()), std::invalid_argument);
}

}  // namespace
}  // namespace fibflow::model
