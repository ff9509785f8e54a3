// When the acquisition changes, the estimate begins anew, within the stated number of slices, and for nothing less.
#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "model/statistics/drift.h"
#include "nodes/statistics/statistics_updater.h"
#include "tests/fixtures/small_network.h"
#include "tests/nodes/statistics/imaginary_slices.h"

namespace fibflow::nodes {
namespace {

using testing::ImaginarySlices;

class BeginningAnewTest : public ::testing::Test {
 protected:
  static UpdateRule rule(int lag, int slices) {
    UpdateRule rule;
    rule.lag = lag;
    rule.monitor.slices = slices;
    return rule;
  }

  /// As after a probe of three slices.
  StatisticsUpdater updater(ImaginarySlices& slices, const UpdateRule& rule,
                            const std::string& estimator = "pooled") const {
    model::EstimatorOptions options;
    options.rule = estimator;
    model::Estimator start(options, network.source_statistics());
    const std::vector<model::Moments> probe{slices.moments(0), slices.moments(1), slices.moments(2)};
    start.start_from(probe);
    MeasuredBefore before;
    for (const model::Moments& moments : probe)
      before.distances.push_back(model::drift(moments.statistics(), start.estimate()).layers_per_channel);
    return {inference, std::move(start), rule, slices.measure(), before};
  }

  model::Estimator fresh(std::span<const model::Moments> moments) const {
    model::Estimator estimator({}, network.source_statistics());
    estimator.start_from(moments);
    return estimator;
  }

  const model::Network network = testing::small_network();
  const model::Inference inference{network, 32, 32};
};

TEST_F(BeginningAnewTest, WithinTheStatedNumberOfSlices) {
  for (const int every : {1, 5, 9}) {
    for (const int lag : {1, 4}) {
      for (const int m : {1, 2, 3}) {
        for (const bool in_first_layer : {true, false}) {
          for (const std::int64_t jump : {40, 41, 44, 48}) {
            ImaginarySlices slices(network, every);
            slices.jump = jump;
            slices.shows_in_first_layer = in_first_layer;
            StatisticsUpdater update = updater(slices, rule(lag, m));
            std::optional<std::int64_t> turned;
            std::optional<std::int64_t> first_anew;
            for (std::int64_t n = 0; n < 80; ++n) {
              const Update result = update(slices.sample(n));
              if (result.turn) {
                EXPECT_FALSE(turned) << "begins anew twice";
                turned = n;
                first_anew = result.next.order;
                EXPECT_GT(result.turn->drift, result.turn->limit);
                EXPECT_TRUE(result.renewal);
              }
            }
            ASSERT_TRUE(turned);
            EXPECT_GE(*turned, jump);
            const std::int64_t wait = in_first_layer ? 0 : every - 1;
            EXPECT_LE(*first_anew, jump + wait + m - 1 + lag)
                << "every " << every << ", lag " << lag << ", slices " << m << ", jump " << jump;
            if (in_first_layer) {
              EXPECT_EQ(*first_anew, jump + m - 1 + lag);
            }
          }
        }
      }
    }
  }
}

TEST_F(BeginningAnewTest, FromTheSlicesThatDepartedAndNoOthers) {
  ImaginarySlices slices(network, 6);
  slices.jump = 20;
  StatisticsUpdater update = updater(slices, rule(2, 3));
  for (std::int64_t n = 0; n < 23; ++n) update(slices.sample(n));
  const std::vector<model::Moments> departed{slices.moments(20), slices.moments(21), slices.moments(22)};
  EXPECT_EQ(update.estimator().estimate(), fresh(departed).estimate());
  EXPECT_EQ(update.estimator().state().images, 3);
  EXPECT_EQ(update.state().beginnings, 1);
  EXPECT_FALSE(update.state().anew);
  EXPECT_EQ(slices.out_of_turn, (std::vector<std::int64_t>{20, 21, 22}));
}

TEST_F(BeginningAnewTest, SlicesOfTheProbeCountAgainInANewEstimate) {
  ImaginarySlices slices(network);
  slices.jump = 4;
  model::Estimator start = fresh(std::vector<model::Moments>{slices.moments(0), slices.moments(6)});
  StatisticsUpdater update(inference, start, rule(1, 2), slices.measure(),
                           {{0, 6}, {std::vector<double>(network.batch_norms().size(), 1e-3)}});
  for (std::int64_t n = 0; n < 10; ++n) update(slices.sample(n));
  ASSERT_GE(update.state().beginnings, 1);
  const std::int64_t images = static_cast<std::int64_t>(update.estimator().state().images);
  EXPECT_EQ(images, 6) << "slice 6 was in the estimate that was given up";
}

TEST_F(BeginningAnewTest, SingleOddSlicesDoNotCountAndChangeNothing) {
  for (const std::string estimator : {"pooled", "ema"}) {
    ImaginarySlices slices(network, 4);
    ImaginarySlices usual(network, 4);
    slices.odd = {10, 23, 39};
    StatisticsUpdater update = updater(slices, rule(2, 2), estimator);
    for (std::int64_t n = 0; n < 60; ++n) EXPECT_FALSE(update(slices.sample(n)).turn) << "slice " << n;
    EXPECT_EQ(update.state().beginnings, 0);
    // Odd slices, and the ones after them, to see.
    EXPECT_EQ(slices.out_of_turn, (std::vector<std::int64_t>{10, 24, 40}));
    const model::Statistics estimate = update.estimator().estimate();
    for (std::size_t c = 0; c < estimate.layers[0].mean.size(); ++c)
      EXPECT_LT(estimate.layers[0].mean[c], 0.3 * static_cast<double>(c) + 0.2);
  }
}

TEST_F(BeginningAnewTest, WhatIsUsualIsLearntAgain) {
  ImaginarySlices slices(network, 1);
  slices.jump = 15;
  StatisticsUpdater update = updater(slices, rule(1, 2));
  for (std::int64_t n = 0; n < 60; ++n) update(slices.sample(n));
  EXPECT_EQ(update.state().beginnings, 1) << "the new slices depart from themselves";
  EXPECT_EQ(update.state().monitor.usual.size(), DriftMonitor::most_learnt);
}

TEST_F(BeginningAnewTest, ARuleWithoutSlicesNeverBeginsAnew) {
  ImaginarySlices slices(network, 3);
  slices.jump = 20;
  StatisticsUpdater update = updater(slices, rule(1, 0));
  for (std::int64_t n = 0; n < 60; ++n) EXPECT_FALSE(update(slices.sample(n)).turn);
  EXPECT_TRUE(slices.out_of_turn.empty());
  EXPECT_EQ(update.estimator().state().images, 3 + 20);
}

TEST_F(BeginningAnewTest, FeaturelessSlicesBetweenTwoThatDepartDoNotEndTheSuspicion) {
  ImaginarySlices slices(network, 5);
  slices.jump = 20;
  slices.blank = {21, 22};
  StatisticsUpdater update = updater(slices, rule(1, 2));
  std::vector<std::int64_t> turns;
  for (std::int64_t n = 0; n < 40; ++n) {
    if (update(slices.sample(n)).turn) turns.push_back(n);
  }
  EXPECT_EQ(turns, std::vector<std::int64_t>{23});
}

/// Everything that comes of slices from some order on.
std::vector<model::Statistics> go_on(StatisticsUpdater& update, const ImaginarySlices& slices,
                                     std::vector<bool>& turns) {
  std::vector<model::Statistics> all;
  for (std::int64_t n = update.state().next_order; n < 60; ++n) {
    const Update result = update(slices.sample(n));
    all.push_back(*result.next.snapshot.statistics);
    turns.push_back(result.turn.has_value());
  }
  return all;
}

TEST_F(BeginningAnewTest, GoesOnFromAnyStateToTheSameStatistics) {
  for (const std::string estimator : {"pooled", "ema", "ubna"}) {
    ImaginarySlices slices(network, 5);
    slices.jump = 27;
    slices.odd = {12};
    std::vector<UpdaterState> states;
    StatisticsUpdater whole = updater(slices, rule(3, 3), estimator);
    for (std::int64_t n = 0; n < 60; ++n) {
      states.push_back(whole.state());
      whole(slices.sample(n));
    }
    std::vector<bool> expected_turns;
    StatisticsUpdater again = updater(slices, rule(3, 3), estimator);
    const std::vector<model::Statistics> expected = go_on(again, slices, expected_turns);
    for (UpdaterState& state : states) {
      for (Snapshot& snapshot : state.coming) snapshot.weights.reset();
      StatisticsUpdater other = updater(slices, rule(3, 3), estimator);
      other.restore(state);
      std::vector<bool> turns;
      const std::vector<model::Statistics> found = go_on(other, slices, turns);
      const auto done = static_cast<std::ptrdiff_t>(state.next_order);
      EXPECT_EQ(found, std::vector(expected.begin() + done, expected.end())) << "after " << done << " slices";
      EXPECT_EQ(turns, std::vector(expected_turns.begin() + done, expected_turns.end()));
    }
  }
}

TEST_F(BeginningAnewTest, RestoredSnapshotsWithTheSameStatisticsShareTheirWeights) {
  ImaginarySlices slices(network, 2);
  StatisticsUpdater update = updater(slices, rule(6, 2));
  for (std::int64_t n = 0; n < 9; ++n) update(slices.sample(n));
  UpdaterState state = update.state();
  std::set<const model::Statistics*> different;
  for (Snapshot& snapshot : state.coming) {
    different.insert(snapshot.statistics.get());
    snapshot.weights.reset();
  }
  StatisticsUpdater other = updater(slices, rule(6, 2));
  other.restore(state);
  std::set<const model::Weights*> weights;
  for (const Snapshot& snapshot : other.state().coming) weights.insert(snapshot.weights.get());
  EXPECT_EQ(weights.size(), different.size());
  state.coming.pop_back();
  EXPECT_THROW(other.restore(state), std::invalid_argument);
}

}  // namespace
}  // namespace fibflow::nodes
