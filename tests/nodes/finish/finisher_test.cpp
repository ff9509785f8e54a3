#include "nodes/finish/finisher.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <stdexcept>
#include <vector>

#include "tests/fixtures/memory_stack.h"
#include "tests/fixtures/prediction_format.h"

namespace fibflow::nodes {
namespace {

std::uint16_t stored(double p) {
  return static_cast<std::uint16_t>(std::lround(p * 65535));
}

/// A slice of probabilities, one plane for each class or one for all.
SegmentedSlice predicted(std::int64_t order, GridSize size, const std::vector<std::vector<double>>& planes) {
  SegmentedSlice slice;
  slice.order = order;
  slice.entropy = 0.25;
  for (const std::vector<double>& plane : planes) {
    std::vector<std::uint16_t> voxels;
    for (const double p : plane) voxels.push_back(stored(p));
    slice.layers.push_back(
        {Layer::probability, testing::make_slice(order + 10, size.height, size.width, voxels.data())});
  }
  return slice;
}

/// Each of some slices as it comes out.
std::vector<SegmentedSlice> finished(const Finishing& finishing, const PredictionFormat& format, int channels,
                                     const std::vector<SegmentedSlice>& slices) {
  Neighbours neighbours(finishing.reach());
  const Finisher finish(finishing, format, channels);
  std::vector<SegmentedSlice> result;
  const auto take = [&](const Neighbours::Output& complete) {
    for (const Neighbourhood& around : complete) result.push_back(std::get<0>(finish(around)));
  };
  for (const SegmentedSlice& slice : slices) take(neighbours({slice, Update{}}));
  take(neighbours.finish());
  return result;
}

std::vector<float> probabilities_of(const SegmentedSlice& slice) {
  const auto values = slice.layer(Layer::probability).as<float>();
  return {values.begin(), values.end()};
}

std::vector<int> mask_of(const SegmentedSlice& slice) {
  const auto values = slice.mask().as<std::uint8_t>();
  return {values.begin(), values.end()};
}

TEST(FinisherTest, WeighsNeighboursByTheGaussCurve) {
  const GridSize one{1, 1};
  const auto result =
      finished({1, one, one}, testing::with_probability(io::PixelType::f32), 1,
               {predicted(0, one, {{1}}), predicted(1, one, {{0}}), predicted(2, one, {{0}})});
  ASSERT_EQ(result.size(), 3U);
  const double w = std::exp(-0.5);
  // At the end of the stack the slices that are there share the weight.
  EXPECT_NEAR(probabilities_of(result[0])[0], 1 / (1 + w), 1e-5);
  EXPECT_NEAR(probabilities_of(result[1])[0], w / (1 + 2 * w), 1e-5);
  EXPECT_NEAR(probabilities_of(result[2])[0], 0, 1e-5);
  EXPECT_EQ(mask_of(result[0]), std::vector<int>{255});
  EXPECT_EQ(mask_of(result[1]), std::vector<int>{0});
  EXPECT_EQ(result[0].foreground, 1);
  EXPECT_EQ(result[1].order, 1);
  EXPECT_EQ(result[1].z(), 11);
  EXPECT_EQ(result[1].entropy, 0.25) << "of the network's output as it was";
}

TEST(FinisherTest, AWiderCurveReachesFarther) {
  EXPECT_EQ((Finishing{0, {}, {}}.reach()), 0);
  EXPECT_EQ((Finishing{1, {}, {}}.reach()), 1);
  EXPECT_EQ((Finishing{1.2, {}, {}}.reach()), 2);
  const std::vector<double> weights = Finishing{2, {}, {}}.weights();
  ASSERT_EQ(weights.size(), 3U);
  EXPECT_DOUBLE_EQ(weights[2], std::exp(-0.5));
}

TEST(FinisherTest, ThresholdsOnTheStacksGrid) {
  // The edge lies where the line between the centres passes the threshold.
  const auto result =
      finished({0, {1, 2}, {1, 8}}, {0.6, testing::with_probability(io::PixelType::f32).layers}, 1,
               {predicted(0, {1, 2}, {{0, 1}})});
  const std::vector<float> expected = {0, 0, 0.125F, 0.375F, 0.625F, 0.875F, 1, 1};
  const std::vector<float> found = probabilities_of(result.at(0));
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-5) << i;
  EXPECT_EQ(mask_of(result[0]), (std::vector<int>{0, 0, 0, 0, 255, 255, 255, 255}));
  EXPECT_EQ(result[0].foreground, 0.5);
}

TEST(FinisherTest, OfTwoClassesTheSecondIsForeground) {
  const auto result = finished({1, {1, 2}, {1, 2}}, testing::with_probability(io::PixelType::f32, 0.9), 2,
                               {predicted(0, {1, 2}, {{0.6, 0.4}})});
  EXPECT_EQ(mask_of(result.at(0)), (std::vector<int>{1, 0})) << "the stronger one, whatever the threshold";
}

TEST(FinisherTest, OfMoreClassesTheStrongestWinsAfterSmoothing) {
  const GridSize size{1, 3};
  const auto slice = [&](std::int64_t order, double first) {
    return predicted(order, size, {{first, 0.2, 0.5}, {0.3, 0.5, 0.5}, {0.7 - first, 0.3, 0}});
  };
  const auto result = finished({1, size, size}, testing::with_probability(io::PixelType::f32), 3,
                               {slice(0, 0.1), slice(1, 0.6), slice(2, 0.6)});
  EXPECT_EQ(mask_of(result.at(1)), (std::vector<int>{0, 1, 0})) << "the first among equals";
  EXPECT_NEAR(probabilities_of(result[1])[1], 0.8, 1e-4) << "all but the background";
  EXPECT_NEAR(result[1].foreground, 1.0 / 3, 1e-9);
}

TEST(FinisherTest, WhereNothingLiesBetweenTheSliceIsAsItWas) {
  const Finishing nothing{0, {2, 2}, {2, 2}};
  EXPECT_TRUE(nothing.is_nothing());
  const PredictionFormat format = testing::with_probability(io::PixelType::u8);
  EXPECT_EQ(format_of_network(format, 1, nothing).layers.size(), format.layers.size());
  EXPECT_EQ(format_of_network(format, 1, {1, {2, 2}, {2, 2}}).layers.size(), 1U);
  EXPECT_EQ(format_of_network(format, 4, {0, {1, 1}, {2, 2}}).layers.size(), 4U);
  SegmentedSlice slice = predicted(5, {1, 1}, {{0.5}});
  const auto result = finished(nothing, format, 1, {slice});
  EXPECT_EQ(result.at(0).layers.front().slice.data(), slice.layers.front().slice.data());
}

TEST(NeighboursTest, GivesEachSliceOnceItsNeighboursAreThere) {
  Neighbours neighbours(2);
  const auto slice = [](std::int64_t order) { return predicted(order, {1, 1}, {{0}}); };
  const auto give = [&](std::int64_t order) {
    Update update;
    update.order = order;
    return neighbours({slice(order), update});
  };
  EXPECT_TRUE(give(0).empty());
  EXPECT_TRUE(give(1).empty());
  EXPECT_EQ(neighbours.waiting(), 2);
  const auto first = give(2);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].order(), 0);
  EXPECT_EQ(first[0].middle, 0U);
  EXPECT_EQ(first[0].slices.size(), 3U);
  (void)give(3);
  const auto third = give(4);
  ASSERT_EQ(third.size(), 1U);
  EXPECT_EQ(third[0].order(), 2);
  EXPECT_EQ(third[0].update.order, 2);
  EXPECT_EQ(third[0].slices.size(), 5U);
  const auto before = neighbours.before_next(third[0]);
  ASSERT_EQ(before.size(), 2U);
  EXPECT_EQ(before[0]->order, 1);
  EXPECT_EQ(before[1]->order, 2);
  const auto rest = neighbours.finish();
  ASSERT_EQ(rest.size(), 2U);
  EXPECT_EQ(rest[1].order(), 4);
  EXPECT_EQ(rest[1].slices.size(), 3U);
  EXPECT_EQ(neighbours.waiting(), 0);
  EXPECT_TRUE(neighbours.finish().empty());
}

TEST(NeighboursTest, GoesOnFromWhatWasBefore) {
  Neighbours neighbours(1);
  const auto slice = [](std::int64_t order) { return predicted(order, {1, 1}, {{0}}); };
  (void)neighbours({slice(7), Update{}});
  neighbours.restore({std::make_shared<const SegmentedSlice>(slice(4))});
  EXPECT_EQ(neighbours.waiting(), 0);
  EXPECT_TRUE(neighbours({slice(5), Update{}}).empty());
  const auto next = neighbours({slice(6), Update{}});
  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(next[0].order(), 5);
  ASSERT_EQ(next[0].slices.size(), 3U);
  EXPECT_EQ(next[0].slices[0]->order, 4);
}

TEST(NeighboursTest, WithoutReachEachSliceComesOutAloneAtOnce) {
  Neighbours neighbours(0);
  const auto alone = neighbours({predicted(0, {1, 1}, {{0}}), Update{}});
  ASSERT_EQ(alone.size(), 1U);
  EXPECT_EQ(alone[0].slices.size(), 1U);
  EXPECT_TRUE(neighbours.before_next(alone[0]).empty());
  EXPECT_THROW(Neighbours(-1), std::invalid_argument);
}

}  // namespace
}  // namespace fibflow::nodes
