#include "nodes/statistics/sample_measurer.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>
#include <vector>

#include "nodes/statistics/sampler.h"
#include "nodes/tiles/tile_grid.h"
#include "tests/fixtures/small_network.h"

namespace fibflow::nodes {
namespace {

using testing::textured_slice;

void threaded_loop(int count, const std::function<void(int)>& body) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back([&body, i] { body(i); });
}

class SampleMeasurerTest : public ::testing::Test {
 protected:
  SampleMeasurer measurer(int workers, int at_once, const ParallelLoop& loop) const {
    return SampleMeasurer(inference, cores, 0.25, workers, at_once, loop);
  }

  static PreparedSlice prepared(std::int64_t order) {
    return {order, textured_slice(order, 71, 103), {1.0 / 60, -2}};
  }

  const model::Network network = testing::small_network();
  const model::Inference inference{network, 71, 103};
  const std::vector<model::Region> cores = {TileGrid(71, 103, 24, inference.alignment()).core(1),
                                            TileGrid(71, 103, 24, inference.alignment()).core(6),
                                            TileGrid(71, 103, 24, inference.alignment()).core(11)};
};

TEST_F(SampleMeasurerTest, DependsOnNeitherThreadsNorWorkersNorWhatElseIsMeasured) {
  const SampleMeasurer alone = measurer(3, 1, serial_loop);
  std::vector<model::Moments> expected;
  for (std::int64_t n = 0; n < 6; ++n) expected.push_back(alone(prepared(n)).moments);
  EXPECT_FALSE(expected[0] == expected[1]);
  EXPECT_EQ(measurer(1, 1, serial_loop)(prepared(0)).moments, expected[0]) << "with one worker";
  for (const int at_once : {1, 2, 4}) {
    const SampleMeasurer shared = measurer(3, at_once, threaded_loop);
    std::vector<model::Moments> found(6);
    {
      std::vector<std::jthread> threads;
      for (std::int64_t n = 0; n < 6; ++n) {
        threads.emplace_back([&, n] { found[static_cast<std::size_t>(n)] = shared(prepared(n)).moments; });
      }
    }
    EXPECT_EQ(found, expected) << at_once << " slices at once";
  }
}

TEST_F(SampleMeasurerTest, CountsThePixelsOfItsCores) {
  const model::Moments moments = measurer(3, 1, serial_loop)(prepared(0)).moments;
  double pixels = 0;
  for (const model::Region& core : cores) pixels += static_cast<double>(core.area());
  EXPECT_EQ(moments.layers.front().count, pixels);
  EXPECT_TRUE(moments.complete());
}

TEST_F(SampleMeasurerTest, TheFirstLayerAloneIsThatOfAllLayers) {
  const SampleMeasurer measure = measurer(2, 1, serial_loop);
  for (std::int64_t n = 0; n < 3; ++n) {
    const model::Moments first = measure.first_layer(prepared(n)).moments;
    ASSERT_EQ(first.layers.size(), 1U);
    EXPECT_EQ(first.layers[0], measure(prepared(n)).moments.layers[0]);
  }
}

TEST_F(SampleMeasurerTest, OfAFeaturelessSliceNothingCounts) {
  PreparedSlice blank = prepared(0);
  blank.counted = model::CountedArea(71, 103, 8, std::vector<std::uint8_t>(9 * 13, 0));
  const SampleMeasurer measure = measurer(3, 1, serial_loop);
  EXPECT_FALSE(measure(blank).moments.complete());
  EXPECT_FALSE(measure.first_layer(blank).moments.complete());
}

TEST_F(SampleMeasurerTest, RefusesWhatMeasuresNothing) {
  EXPECT_THROW(SampleMeasurer(inference, {}, 0, 1, 1, serial_loop), std::invalid_argument);
  EXPECT_THROW(SampleMeasurer(inference, cores, 0, 1, 0, serial_loop), std::invalid_argument);
  EXPECT_THROW(SampleMeasurer(inference, cores, 0, 0, 1, serial_loop), std::invalid_argument);
}

TEST_F(SampleMeasurerTest, ASamplerMeasuresTheLastOfSoManyAndOfTheOthersTheFirstLayer) {
  const SampleMeasurer measure = measurer(3, 1, serial_loop);
  const Sampler sampler(&measure, 3);
  for (std::int64_t n = 0; n < 7; ++n) {
    const SliceSample sample = sampler(prepared(n));
    EXPECT_EQ(sample.order, n);
    EXPECT_EQ(sample.due, n % 3 == 2);
    EXPECT_EQ(sample.moments->layers.size(), sample.due ? network.batch_norms().size() : 1U);
    EXPECT_GT(sample.seconds, 0);
  }
  const SliceSample none = Sampler(nullptr, 0)(prepared(2));
  EXPECT_FALSE(none.due);
  EXPECT_EQ(none.moments, nullptr);
}

}  // namespace
}  // namespace fibflow::nodes
