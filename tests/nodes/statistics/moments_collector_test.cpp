#include "nodes/statistics/moments_collector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace fibflow::nodes {
namespace {

/// Moments whose merging rounds, so that another order gives other bits.
Prediction measured(std::int64_t order, int tile) {
  auto moments = std::make_shared<model::Moments>();
  moments->layers.push_back({3.0 + tile, {0.1 + 1.7 * tile * tile}, {1.3 / (1 + tile)}});
  return {order, order, tile, {}, {}, moments};
}

TEST(MomentsCollectorTest, MergesInTheOrderOfTheTilesWhateverComesFirst) {
  model::Moments expected = *measured(0, 0).moments;
  for (int t = 1; t < 6; ++t) expected.merge(*measured(0, t).moments);
  model::Moments backwards = *measured(0, 5).moments;
  for (int t = 4; t >= 0; --t) backwards.merge(*measured(0, t).moments);
  ASSERT_NE(expected, backwards) << "the order must matter, or this tests nothing";

  std::vector<int> tiles{0, 1, 2, 3, 4, 5};
  do {
    MomentsCollector collect(6);
    MomentsCollector::Output slice;
    for (const int t : tiles) slice = collect(measured(0, t));
    ASSERT_TRUE(slice);
    ASSERT_EQ(*slice->moments, expected);
  } while (std::next_permutation(tiles.begin(), tiles.end()));
}

TEST(MomentsCollectorTest, SaysNothingBeforeTheLastTile) {
  MomentsCollector collect(2);
  EXPECT_FALSE(collect(measured(4, 1)));
  EXPECT_FALSE(collect(measured(5, 1)));
  EXPECT_EQ(collect(measured(4, 0))->order, 4);
  EXPECT_EQ(collect(measured(5, 0))->order, 5);
}

TEST(MomentsCollectorTest, AFrozenSliceHasNoMoments) {
  MomentsCollector collect(2);
  collect({0, 0, 0, {}, {}, nullptr});
  EXPECT_EQ(collect({0, 0, 1, {}, {}, nullptr})->moments, nullptr);
}

TEST(MomentsCollectorTest, RejectsATileThatComesTwice) {
  MomentsCollector collect(3);
  collect(measured(0, 0));
  EXPECT_THROW(collect(measured(0, 0)), std::logic_error);
  collect(measured(0, 2));
  EXPECT_THROW(collect(measured(0, 2)), std::logic_error);
}

TEST(MomentsCollectorTest, RejectsASliceThatWasMeasuredInPart) {
  MomentsCollector collect(2);
  collect(measured(0, 0));
  EXPECT_THROW(collect({0, 0, 1, {}, {}, nullptr}), std::logic_error);
}

}  // namespace
}  // namespace fibflow::nodes
