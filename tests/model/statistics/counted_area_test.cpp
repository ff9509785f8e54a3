// Moments of a part of the slice, for every idiom: against tiles of which each counts or not as a whole, which
// needs no counted area at all.

#include "model/statistics/counted_area.h"

#include <gtest/gtest.h>

#include <random>
#include <stdexcept>

#include "tests/fixtures/exact_cases.h"

namespace fibflow::model {
namespace {

/// A third of the blocks counts (all where there are few); the one in the middle does, the first does not.
CountedArea some_of(const Inference& inference, int block) {
  const int rows = (inference.height() + block - 1) / block;
  const int columns = (inference.width() + block - 1) / block;
  std::vector<std::uint8_t> counts(static_cast<std::size_t>(rows * columns));
  std::mt19937 random(11);
  for (std::uint8_t& c : counts) c = counts.size() < 9 || random() % 3 == 0;
  counts.front() = 0;
  counts[static_cast<std::size_t>(rows / 2 * columns + columns / 2)] = 1;
  return {inference.height(), inference.width(), block, counts};
}

class CountedMomentsTest : public testing::TestWithParam<Case> {};

TEST_P(CountedMomentsTest, AreThoseOfTilesThatCountAsAWhole) {
  const Inference inference = inference_for(GetParam());
  const Array slice = random_slice(inference, 7);
  const Statistics source = inference.network().source_statistics();
  const int block = (16 + inference.alignment() - 1) / inference.alignment() * inference.alignment();
  const CountedArea area = some_of(inference, block);
  const auto counted_core = [&](const Region& core) { return area.counts(core.y.begin, core.x.begin); };
  const CaseRunner by_block(inference, block);
  Moments expected;
  const std::vector<float> output = by_block.running(slice, source, &expected, {nullptr, counted_core});
  const bool complete = expected.complete();  // not where a layer of a few pixels has none in what counts
  Moments expected_own;
  if (complete) by_block.own(slice, expected_own, {nullptr, counted_core});
  for (const int tile : {0, 24, 64}) {
    const CaseRunner runner(inference, tile);
    const std::string what = GetParam().name + ", tiles of " + std::to_string(tile);
    Moments moments;
    runner.running(slice, source, &moments, {&area, {}});
    expect_equal(moments, expected, what + ", measured");
    EXPECT_EQ(moments.complete(), complete) << what;
    if (!complete) continue;
    runner.own(slice, moments, {&area, {}});
    expect_equal(moments, expected_own, what + ", own statistics");
  }
}

TEST_P(CountedMomentsTest, WhereAllCountsTheBitsAreThoseWithoutACountedArea) {
  const Inference inference = inference_for(GetParam());
  const Array slice = random_slice(inference, 8);
  const Statistics source = inference.network().source_statistics();
  const CountedArea all(inference.height(), inference.width(), 1024, {1});
  const CountedArea blocks(
      inference.height(), inference.width(), 4,
      std::vector<std::uint8_t>(static_cast<std::size_t>((inference.height() + 3) / 4) *
                                    static_cast<std::size_t>((inference.width() + 3) / 4),
                                1));
  const CaseRunner runner(inference, 40);
  Moments expected;
  Moments moments;
  const std::vector<float> output = runner.running(slice, source, &expected);
  for (const CountedArea& area : {all, blocks}) {
    EXPECT_EQ(runner.running(slice, source, &moments, {&area, {}}), output);
    EXPECT_EQ(moments, expected);
  }
  const std::vector<float> own = runner.own(slice, expected);
  EXPECT_EQ(runner.own(slice, moments, {&blocks, {}}), own);
  EXPECT_EQ(moments, expected);
}

TEST_P(CountedMomentsTest, WhereNothingCountsThereAreNoMomentsAndTheSameOutput) {
  const Inference inference = inference_for(GetParam());
  const Array slice = random_slice(inference, 9);
  const Statistics source = inference.network().source_statistics();
  const CountedArea none(inference.height(), inference.width(), 1024, {0});
  const CaseRunner runner(inference, 40);
  Moments moments;
  const std::vector<float> output = runner.running(slice, source, nullptr);
  EXPECT_EQ(runner.running(slice, source, &moments, {&none, {}}), output);
  EXPECT_TRUE(moments.layers.empty() || !moments.complete());
  for (const LayerMoments& layer : moments.layers) {
    EXPECT_EQ(layer.count, 0);
    for (const double mean : layer.mean) EXPECT_EQ(mean, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Idioms, CountedMomentsTest, testing::ValuesIn(exact_cases()),
                         [](const auto& test) { return test.param.name; });

TEST(CountedAreaTest, KnowsPixelsByBlocksUpToTheBorder) {
  const CountedArea area(5, 7, 4, {1, 0, 0, 1});
  EXPECT_TRUE(area.counts(3, 3));
  EXPECT_FALSE(area.counts(3, 4));
  EXPECT_FALSE(area.counts(4, 0));
  EXPECT_TRUE(area.counts(4, 6));
  EXPECT_TRUE(area.counts(9, 9)) << "beyond the border";
  EXPECT_TRUE(area.counts(-3, -1));
  EXPECT_DOUBLE_EQ(area.share(), (16.0 + 3) / 35);
}

TEST(CountedAreaTest, APartCountsWhereTheWholeDoes) {
  const CountedArea area(40, 56, 16, {1, 0, 1, 1, 0, 1, 1, 0, 0, 0, 1, 1});
  const Region patch{{9, 37}, {5, 50}};
  const CountedArea part = area.part(patch);
  const CountedArea part_of_part = part.part({{3, 20}, {11, 40}});
  long long counted = 0;
  for (int y = 0; y < part.height(); ++y) {
    for (int x = 0; x < part.width(); ++x) {
      EXPECT_EQ(part.counts(y, x), area.counts(9 + y, 5 + x)) << y << ", " << x;
      counted += part.counts(y, x);
    }
  }
  EXPECT_DOUBLE_EQ(part.share(), static_cast<double>(counted) / static_cast<double>(patch.area()));
  EXPECT_EQ(part_of_part.counts(4, 17), area.counts(9 + 3 + 4, 5 + 11 + 17));
  EXPECT_EQ(part.counts(-1, 0), part.counts(0, 0)) << "a patch ends at its own border";
}

TEST(CountedAreaTest, RefusesSizesThatDoNotFit) {
  EXPECT_THROW(CountedArea(5, 7, 4, {1, 0, 0}), std::invalid_argument);
  EXPECT_THROW(CountedArea(5, 7, 0, {1}), std::invalid_argument);
  EXPECT_THROW(CountedArea(0, 7, 4, {}), std::invalid_argument);
  EXPECT_THROW(CountedArea(5, 7, 8, {1}).part({{0, 6}, {0, 7}}), std::invalid_argument);
}

}  // namespace
}  // namespace fibflow::model
