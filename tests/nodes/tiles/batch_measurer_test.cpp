#include "nodes/tiles/batch_measurer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <thread>
#include <vector>

#include "model/statistics/estimator.h"
#include "nodes/tiles/tile_cutter.h"
#include "nodes/tiles/tile_grid.h"
#include "tests/fixtures/small_network.h"

namespace fibflow::nodes {
namespace {

using testing::small_network;
using testing::textured_slice;

constexpr Affine affine{1.0 / 60, -2};

/// All calls at once.
void threaded_loop(int count, const std::function<void(int)>& body) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back([&body, i] { body(i); });
}

BatchMeasurer::Input tiles_of(const model::Inference& inference, const io::Slice& slice,
                              const TileGrid& grid) {
  BatchMeasurer::Input tiles;
  for (const model::Region& core : grid.cores()) {
    const PreparedSlice image{0, slice, affine};
    tiles.push_back({image, inference.plan(core, model::PlanKind::measured), inference.weights()});
  }
  return tiles;
}

void expect_close(const model::Statistics& a, const model::Statistics& b, double tolerance) {
  ASSERT_EQ(a.layers.size(), b.layers.size());
  for (std::size_t l = 0; l < a.layers.size(); ++l) {
    for (std::size_t c = 0; c < a.layers[l].mean.size(); ++c) {
      const double deviation = std::sqrt(b.layers[l].variance[c]);
      EXPECT_NEAR(a.layers[l].mean[c], b.layers[l].mean[c], tolerance * deviation) << "layer " << l;
      EXPECT_NEAR(a.layers[l].variance[c], b.layers[l].variance[c], tolerance * b.layers[l].variance[c])
          << "layer " << l;
    }
  }
}

class BatchMeasurerTest : public ::testing::Test {
 protected:
  const model::Network network = small_network();
  const model::Inference inference{network, 72, 104};
  const io::Slice slice = textured_slice(0, 72, 104);
  const TileGrid whole = TileGrid::whole(72, 104);
  const TileGrid grid{72, 104, 24, inference.alignment()};
  const BatchMeasurer measure{network};
};

TEST_F(BatchMeasurerTest, TilesInLockstepMeasureTheWholeSlice) {
  WorkerPool one(1);
  const auto expected = measure(tiles_of(inference, slice, whole), one, serial_loop);
  WorkerPool many(grid.size());
  ASSERT_GT(grid.size(), 4);
  const auto measured = measure(tiles_of(inference, slice, grid), many, threaded_loop);
  expect_close(measured.statistics, expected.statistics, 1e-5);
}

TEST_F(BatchMeasurerTest, EachPixelOfEachLayerCountsOnce) {
  WorkerPool one(1);
  const auto expected = measure(tiles_of(inference, slice, whole), one, serial_loop);
  WorkerPool many(grid.size());
  const auto measured = measure(tiles_of(inference, slice, grid), many, serial_loop);
  EXPECT_EQ(expected.merged.layers.front().count, 72.0 * 104);
  for (std::size_t l = 0; l < expected.merged.layers.size(); ++l) {
    EXPECT_EQ(measured.merged.layers[l].count, expected.merged.layers[l].count) << "layer " << l;
  }
}

TEST_F(BatchMeasurerTest, FewerWorkersGiveTheSameBits) {
  WorkerPool many(grid.size());
  const auto lockstep = measure(tiles_of(inference, slice, grid), many, serial_loop);
  WorkerPool one(1);
  const auto again = measure(tiles_of(inference, slice, grid), one, serial_loop);
  EXPECT_EQ(again.merged, lockstep.merged);
  EXPECT_EQ(again.statistics, lockstep.statistics);
}

TEST_F(BatchMeasurerTest, MomentsAreThoseOfARunWithTheStatisticsThatWereFound) {
  WorkerPool many(grid.size());
  const auto tiles = tiles_of(inference, slice, grid);
  const auto measured = measure(tiles, many, serial_loop);
  model::Moments merged;
  for (const BatchTile& tile : tiles) {
    model::Workspace workspace;
    cut_tile(slice, affine, tile.plan->input_region(), network.input_channels(), tile.plan->input(workspace));
    model::Moments moments;
    tile.plan->run(workspace, *inference.weights(), &measured.statistics, &moments);
    merged.merge(moments);
  }
  expect_close(merged.statistics(), measured.merged.statistics(), 1e-5);
}

TEST_F(BatchMeasurerTest, TheFirstLayerAloneIsThatOfAllLayersInAnyNumberOfWorkers) {
  WorkerPool many(grid.size());
  const auto tiles = tiles_of(inference, slice, grid);
  const model::LayerMoments expected = measure(tiles, many, serial_loop).merged.layers.front();
  EXPECT_EQ(measure.first_layer(tiles, many, threaded_loop), expected);
  WorkerPool one(1);
  EXPECT_EQ(measure.first_layer(tiles, one, serial_loop), expected);
}

TEST_F(BatchMeasurerTest, ImagesOfABatchAreMeasuredTogether) {
  // Two images, one bright: the batch's variance holds the variance between them.
  const model::Inference small(network, 32, 32);
  const model::Region all{{0, 32}, {0, 32}};
  const auto dark = textured_slice(0, 32, 32);
  BatchMeasurer::Input batch;
  for (const double shift : {-2.0, 3.0}) {
    const PreparedSlice image{0, dark, {1.0 / 60, shift}};
    batch.push_back({image, small.plan(all, model::PlanKind::measured), small.weights()});
  }
  WorkerPool pool(2);
  const auto together = measure(batch, pool, serial_loop);
  const auto alone = measure({batch[0]}, pool, serial_loop);
  EXPECT_EQ(together.merged.layers[0].count, 2 * alone.merged.layers[0].count);
  model::LayerMoments merged = together.tiles[0]->layers[0];
  merged.merge(together.tiles[1]->layers[0]);
  EXPECT_EQ(together.merged.layers[0], merged);
  EXPECT_GT(together.statistics.layers[0].variance[0], alone.statistics.layers[0].variance[0]);
}

TEST_F(BatchMeasurerTest, RejectsAnEmptyBatch) {
  WorkerPool pool(1);
  EXPECT_THROW(measure({}, pool, serial_loop), std::invalid_argument);
}

TEST_F(BatchMeasurerTest, WhatDoesNotCountNeitherMeasuresNorNormalizes) {
  const model::Inference even(network, 72, 96);
  const io::Slice even_slice = textured_slice(0, 72, 96);
  const TileGrid blocks(72, 96, 24, even.alignment());
  ASSERT_EQ(blocks.size(), 12);
  std::vector<std::uint8_t> counts(12);
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] = i % 3 != 0;
  const model::CountedArea area(72, 96, 24, counts);
  WorkerPool many(blocks.size());
  auto counted_tiles = tiles_of(even, even_slice, blocks);
  for (BatchTile& tile : counted_tiles) tile.image.counted = area;
  const auto measured = measure(counted_tiles, many, serial_loop);
  // The same from tiles that count as a whole or not at all, merged by hand: the first layer needs no statistics.
  const auto all = measure(tiles_of(even, even_slice, blocks), many, serial_loop);
  model::LayerMoments expected;
  for (int t = 0; t < blocks.size(); ++t) {
    if (area.counts(blocks.core(t).y.begin, blocks.core(t).x.begin))
      expected.merge(all.tiles[static_cast<std::size_t>(t)]->layers.front());
  }
  EXPECT_EQ(measured.merged.layers.front().count, expected.count);
  EXPECT_EQ(measured.statistics.layers.front(), expected.statistics());
  EXPECT_NE(measured.statistics.layers.front(), all.statistics.layers.front());
}

TEST_F(BatchMeasurerTest, ABatchOfWhichNothingCountsIsNormalizedAsAWholeAndGivesNoMoments) {
  WorkerPool many(grid.size());
  auto tiles = tiles_of(inference, slice, grid);
  const auto expected = measure(tiles, many, serial_loop);
  for (BatchTile& tile : tiles) tile.image.counted = model::CountedArea(72, 104, 128, {0});
  const auto measured = measure(tiles, many, serial_loop);
  EXPECT_EQ(measured.statistics, expected.statistics);
  EXPECT_FALSE(measured.merged.complete());
  model::Estimator estimator({}, network.source_statistics());
  EXPECT_FALSE(estimator.start_from(std::vector{measured.merged}));
  EXPECT_FALSE(estimator.update(measured.merged, 1));
  EXPECT_EQ(estimator.estimate(), network.source_statistics());
}

TEST_F(BatchMeasurerTest, TheSourcesShareIsInWhatNormalizes) {
  WorkerPool many(grid.size());
  const auto tiles = tiles_of(inference, slice, grid);
  const BatchMeasurer source_only(network, 1);
  EXPECT_EQ(source_only(tiles, many, serial_loop).statistics, network.source_statistics());
  const BatchMeasurer half(network, 0.5);
  const auto measured = half(tiles, many, serial_loop);
  EXPECT_EQ(measured.statistics,
            model::blend(measured.merged.statistics(), network.source_statistics(), 0.5));
}

}  // namespace
}  // namespace fibflow::nodes
