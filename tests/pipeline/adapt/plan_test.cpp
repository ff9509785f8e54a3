#include "pipeline/adapt/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "pipeline/adapt/patch_adaptation.h"
#include "pipeline/flow/pipeline_error.h"
#include "tests/fixtures/small_network.h"

namespace fibflow::pipeline {
namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

class PlanTest : public ::testing::Test {
 protected:
  PlanRequest request(std::size_t memory, int threads) const {
    PlanRequest r;
    r.memory = memory;
    r.threads = threads;
    r.probes = true;
    return r;
  }

  std::size_t smallest(PlanRequest r) const {
    r.memory = 1;
    try {
      plan_run(inference, r);
    } catch (const BudgetTooSmall& error) {
      return error.smallest();
    }
    throw std::logic_error("a byte was enough");
  }

  const model::Network network = testing::small_network();
  const model::Inference inference{network, 2048, 3000};
};

TEST_F(PlanTest, TilesDoNotDependOnTheNumberOfThreads) {
  for (const std::size_t memory :
       {smallest(request(1, 1)), std::size_t{300} * mebibyte, std::size_t{4096} * mebibyte}) {
    const Plan expected = plan_run(inference, request(memory, 1));
    for (const int threads : {2, 3, 8, 64}) {
      const Plan plan = plan_run(inference, request(memory, threads));
      EXPECT_EQ(plan.grid.cores(), expected.grid.cores());
      EXPECT_EQ(plan.probe->cores, expected.probe->cores);
      EXPECT_EQ(plan.measure->cores, expected.measure->cores);
      EXPECT_EQ(plan.every, expected.every);
    }
  }
}

TEST_F(PlanTest, ExpectedMemoryStaysUnderTheBudgetFromTheSmallestOn) {
  for (const bool measures : {false, true}) {
    PlanRequest r = request(1, 8);
    r.measures = measures;
    if (measures) r.every = 1;
    r.layer_bytes = 1 + 4;
    r.voxel_bytes = 4;
    const std::size_t least = smallest(r);
    for (std::size_t memory = least; memory < 4096 * mebibyte; memory += memory / 3) {
      r.memory = memory;
      const Plan plan = plan_run(inference, r);
      EXPECT_LE(plan.expected_memory, memory);
      EXPECT_LE(plan.limits.slices_in_flight, 10);
    }
    r.memory = least - mebibyte;
    EXPECT_THROW(plan_run(inference, r), BudgetTooSmall);
  }
}

TEST_F(PlanTest, CountsWhatItTakesToKnowWhereManySlicesAre) {
  PlanRequest r = request(2048 * mebibyte, 2);
  const Plan few = plan_run(inference, r);
  r.index_bytes = mebibyte;
  EXPECT_EQ(plan_run(inference, r).expected_memory, few.expected_memory);
  const std::size_t least = smallest(r);
  r.index_bytes = 100 * mebibyte;
  EXPECT_GE(smallest(r), least + 90 * mebibyte);
  EXPECT_LE(plan_run(inference, r).expected_memory, 2048 * mebibyte);
}

TEST_F(PlanTest, MoreMemoryNeverMeansMoreWork) {
  double work = 1e9;
  for (std::size_t memory = smallest(request(1, 1)); memory < 8192 * mebibyte; memory *= 2) {
    const Plan plan = plan_run(inference, request(memory, 4));
    EXPECT_LE(plan.work / std::min(4, plan.useful_threads), work * 1.0001) << memory / mebibyte;
    work = plan.work / std::min(4, plan.useful_threads);
  }
}

TEST_F(PlanTest, UsesWholeSlicesWhereMemoryAndLagAllow) {
  const Plan plan = plan_run(inference, request(std::size_t{64} << 30, 2));
  EXPECT_EQ(plan.grid.size(), 1);
  EXPECT_EQ(plan.work, 1);
  EXPECT_EQ(plan.limits.workers, 2);
}

TEST_F(PlanTest, SlicesAreInFlightWhateverTheLag) {
  for (const bool measures : {false, true}) {
    PlanRequest r = request(std::size_t{64} << 30, 16);
    r.measures = measures;
    r.lag = 1;
    const Plan plan = plan_run(inference, r);
    EXPECT_EQ(plan.limits.workers, 16);
    EXPECT_GE(plan.limits.slices_in_flight, 16);
    EXPECT_EQ(plan.measure.has_value(), measures);
  }
}

TEST_F(PlanTest, WhatIsMeasuredOfWhichSlicesDependsOnNeitherMemoryNorTilesNorLag) {
  const Plan expected = plan_run(inference, request(std::size_t{64} << 30, 2));
  EXPECT_EQ(expected.every, planned_every(inference, sample_cores(2048, 3000, inference.alignment())));
  for (const std::size_t memory : {smallest(request(1, 1)), std::size_t{400} * mebibyte}) {
    PlanRequest r = request(memory, 4);
    r.lag = 7;
    const Plan plan = plan_run(inference, r);
    EXPECT_EQ(plan.every, expected.every);
    EXPECT_EQ(plan.measure->cores, expected.measure->cores);
    EXPECT_EQ(plan.probe->cores, expected.probe->cores);
  }
}

TEST_F(PlanTest, ASmallBudgetMeasuresWithOneWorkerALargeOneWithOneForEachCore) {
  EXPECT_EQ(plan_run(inference, request(smallest(request(1, 1)), 4)).measure->workers, 1);
  const Plan plan = plan_run(inference, request(std::size_t{4} << 30, 4));
  EXPECT_EQ(plan.measure->workers, static_cast<int>(plan.measure->cores.size()));
}

TEST_F(PlanTest, AsManySlicesAreMeasuredAtOnceAsAreDueAndThreadsCanBeBusyWith) {
  PlanRequest r = request(std::size_t{64} << 30, 64);
  r.every = 1;
  EXPECT_GE(plan_run(inference, r).measure->slices, 4);
  r.every = 1000;
  EXPECT_EQ(plan_run(inference, r).measure->slices, 1);
  r = request(std::size_t{64} << 30, 2);
  r.every = 1;
  EXPECT_EQ(plan_run(inference, r).measure->slices, 1);
}

TEST_F(PlanTest, TakesTheTileThatIsAskedFor) {
  PlanRequest r = request(std::size_t{4} << 30, 2);
  r.tile = 400;
  const Plan plan = plan_run(inference, r);
  EXPECT_LE(plan.grid.core_height(), 400);
  EXPECT_LE(plan.grid.core_width(), 400);
}

TEST_F(PlanTest, RejectsNonsense) {
  PlanRequest r = request(std::size_t{4} << 30, 2);
  r.tile = -1;
  EXPECT_THROW(plan_run(inference, r), std::invalid_argument);
  r = request(std::size_t{4} << 30, 0);
  EXPECT_THROW(plan_run(inference, r), std::invalid_argument);
}

TEST(SampleTest, IsTheWholeSliceUpToAMegapixel) {
  EXPECT_FALSE(sample_of_large(1024, 1024, 16));
  EXPECT_TRUE(sample_of_large(1025, 1024, 16));
  for (const auto& [height, width] : {std::pair(1024, 1024), std::pair(520, 520), std::pair(71, 103),
                                      std::pair(577, 1000), std::pair(64, 16384)}) {
    long long area = 0;
    for (const model::Region& core : sample_cores(height, width, 16)) {
      area += core.area();
      EXPECT_LE(core.height(), 576);
      EXPECT_LE(core.width(), 576);
    }
    EXPECT_EQ(area, static_cast<long long>(height) * width);
  }
  EXPECT_EQ(sample_cores(520, 576, 16).size(), 1U);
}

TEST(SampleTest, CostsAtMostTheTwentiethOfSegmenting) {
  const model::Network network = testing::small_network();
  int before = 1 << 30;
  for (const int size : {256, 1024, 2048, 4096, 16384}) {
    const model::Inference inference(network, size, size);
    const std::vector<model::Region> cores = sample_cores(size, size, inference.alignment());
    const int every = planned_every(inference, cores);
    double sample = 0;
    for (const model::Region& core : cores)
      sample += inference.cost(core, model::PlanKind::measured).multiply_adds;
    const model::Region all{{0, size}, {0, size}};
    EXPECT_LE(sample, 0.05 * every * inference.cost(all, model::PlanKind::frozen).multiply_adds);
    EXPECT_LE(every, before) << "larger slices are measured more often";
    before = size == 256 ? before : every;
  }
  EXPECT_EQ(before, 1);
}

TEST(SampleTest, IsAboutAMegapixelSpreadOverLargerSlices) {
  for (const auto& [height, width] : {std::pair(2048, 2048), std::pair(8192, 6000), std::pair(300, 9000),
                                      std::pair(1100, 1100), std::pair(20000, 700)}) {
    const std::vector<model::Region> cores = sample_cores(height, width, 16);
    double area = 0;
    double y = 0;
    double x = 0;
    for (const model::Region& core : cores) {
      area += static_cast<double>(core.area());
      y += (core.y.begin + core.y.end) / 2.0 / static_cast<double>(cores.size());
      x += (core.x.begin + core.x.end) / 2.0 / static_cast<double>(cores.size());
    }
    EXPECT_NEAR(area / (1 << 20), 1, 0.35) << height << " x " << width;
    EXPECT_NEAR(y / height, 0.5, 0.13) << height << " x " << width;
    EXPECT_NEAR(x / width, 0.5, 0.13) << height << " x " << width;
  }
}

TEST(PatchGridTest, CutsNearlyEqualPatchesThatTheStridesDivide) {
  const model::Network network = testing::small_network();
  for (const int extent : {1024, 520, 256, 100, 700, 2048}) {
    const nodes::TileGrid grid = patch_grid(extent, extent, network);
    for (const model::Region& core : grid.cores()) {
      EXPECT_GE(core.height(), std::min(extent, 160)) << extent;
      EXPECT_LE(core.height(), 400) << extent;
      EXPECT_EQ(core.y.begin % network.stride(), 0);
    }
  }
  EXPECT_EQ(patch_grid(1024, 1024, network).core(0), (model::Region{{0, 256}, {0, 256}}));
}

}  // namespace
}  // namespace fibflow::pipeline
