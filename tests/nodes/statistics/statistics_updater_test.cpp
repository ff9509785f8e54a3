#include "nodes/statistics/statistics_updater.h"

#include <gtest/gtest.h>

#include <set>
#include <span>
#include <stdexcept>
#include <string>

#include "model/statistics/drift.h"
#include "tests/fixtures/small_network.h"
#include "tests/nodes/statistics/imaginary_slices.h"

namespace fibflow::nodes {
namespace {

using testing::ImaginarySlices;

class StatisticsUpdaterTest : public ::testing::Test {
 protected:
  model::Estimator estimator(const std::string& rule = "pooled") const {
    model::EstimatorOptions options;
    options.rule = rule;
    return model::Estimator(options, network.source_statistics());
  }

  /// As after a probe of the first slices.
  model::Estimator probed(int count, const std::string& rule = "pooled") const {
    model::Estimator result = estimator(rule);
    std::vector<model::Moments> all;
    for (int n = 0; n < count; ++n) all.push_back(slices.moments(n));
    result.start_from(all);
    return result;
  }

  static UpdateRule renewed_by_anything(int lag) {
    UpdateRule rule;
    rule.lag = lag;
    rule.renewal = 0;
    return rule;
  }

  const model::Network network = testing::small_network();
  const model::Inference inference{network, 32, 32};
  ImaginarySlices slices{network};
};

TEST_F(StatisticsUpdaterTest, TheSnapshotAfterASliceIsForTheSliceLagLater) {
  for (const int lag : {1, 3}) {
    StatisticsUpdater update(inference, estimator("ema"), renewed_by_anything(lag));
    model::Estimator plain = estimator("ema");
    for (std::int64_t n = 0; n < 12; ++n) {
      const Update result = update(slices.sample(n));
      plain.update(slices.moments(n), 1);
      EXPECT_EQ(result.order, n);
      EXPECT_EQ(result.next.order, n + lag);
      EXPECT_EQ(result.renewal.has_value(), n % UpdateRule::between_renewals == 0);
      if (result.renewal) {
        EXPECT_EQ(*result.next.snapshot.statistics, model::blend(plain.estimate(), plain.source(), 0.25));
        EXPECT_EQ(*result.next.snapshot.running, plain.estimate());
      }
    }
    EXPECT_EQ(update.snapshots(), 4);
    EXPECT_EQ(update.batches(), 12);
  }
}

TEST_F(StatisticsUpdaterTest, TheFirstSnapshotIsTheEstimateWithTheSourcesShare) {
  UpdateRule rule;
  rule.source_share = 0.5;
  const StatisticsUpdater update(inference, probed(2), rule);
  const Snapshot first = update.state().coming.front();
  EXPECT_EQ(*first.statistics, model::blend(probed(2).estimate(), network.source_statistics(), 0.5));
  EXPECT_EQ(first.kind, model::PlanKind::frozen);
}

TEST_F(StatisticsUpdaterTest, ASnapshotIsNotRenewedForLessThanTheRuleSays) {
  UpdateRule rule;
  rule.renewal = 1e-2;
  StatisticsUpdater update(inference, probed(3), rule);
  const Snapshot first = update.state().coming.front();
  for (std::int64_t n = 0; n < 40; ++n) {
    const Update result = update(slices.sample(n));
    EXPECT_TRUE(result.measured);
    EXPECT_FALSE(result.renewal);
    EXPECT_EQ(result.next.snapshot.weights, first.weights) << "weights are arranged again for nothing";
  }
  EXPECT_EQ(update.snapshots(), 1);
  EXPECT_EQ(update.batches(), 40);
}

TEST_F(StatisticsUpdaterTest, WhereNothingIsMeasuredNothingChanges) {
  ImaginarySlices none(network, 0);
  StatisticsUpdater update(inference, estimator(), renewed_by_anything(2));
  const Snapshot first = update.state().coming.front();
  for (std::int64_t n = 0; n < 5; ++n) {
    const Update result = update(none.sample(n));
    EXPECT_FALSE(result.measured);
    EXPECT_FALSE(result.slice_drift);
    EXPECT_EQ(result.next.snapshot.weights, first.weights);
  }
  EXPECT_EQ(update.batches(), 0);
}

TEST_F(StatisticsUpdaterTest, SlicesOfTheProbeDoNotCountTwice) {
  slices.first_z = 17;  // an acquisition's numbers, or a range
  for (const std::string rule : {"pooled", "prior", "ema", "ubna"}) {
    StatisticsUpdater update(inference, probed(3, rule), renewed_by_anything(1), {}, {{19, 17, 18}, {}});
    for (std::int64_t n = 0; n < 3; ++n) {
      EXPECT_TRUE(update(slices.sample(n)).slice_drift);
      EXPECT_EQ(update.estimator().state(), probed(3, rule).state()) << rule;
    }
    update(slices.sample(3));
    EXPECT_EQ(update.batches(), 1);
  }
}

TEST_F(StatisticsUpdaterTest, PooledStatisticsDoNotDependOnTheOrderOfTheSlices) {
  ImaginarySlices other(network);
  StatisticsUpdater forwards(inference, probed(1), {});
  StatisticsUpdater backwards(inference, probed(1), {});
  for (std::int64_t n = 0; n < 30; ++n) {
    forwards(slices.sample(n));
    SliceSample sample = slices.sample(29 - n);
    sample.order = n;
    backwards(sample);
  }
  EXPECT_EQ(forwards.estimator().state().pool, backwards.estimator().state().pool);
  EXPECT_EQ(forwards.estimator().estimate(), backwards.estimator().estimate());
}

TEST_F(StatisticsUpdaterTest, OfASliceThatIsNotDueOnlyTheFirstLayerIsLookedAt) {
  ImaginarySlices few(network, 4);
  StatisticsUpdater update(inference, probed(2), {}, few.measure());
  for (std::int64_t n = 0; n < 20; ++n)
    EXPECT_EQ(update(few.sample(n)).measured, n % 4 == 3) << "slice " << n;
  EXPECT_TRUE(few.out_of_turn.empty());
  EXPECT_EQ(update.batches(), 5);
}

TEST_F(StatisticsUpdaterTest, BeforeAnythingIsKnownTheFirstSliceIsMeasured) {
  ImaginarySlices few(network, 10);
  few.blank = {0, 1};
  StatisticsUpdater update(inference, estimator(), {}, few.measure());
  for (std::int64_t n = 0; n < 9; ++n) update(few.sample(n));
  EXPECT_EQ(few.out_of_turn, std::vector<std::int64_t>{2});
}

TEST_F(StatisticsUpdaterTest, ASliceOfWhichNothingCountsChangesNothing) {
  for (const std::string rule : {"ema", "pooled", "prior", "ubna"}) {
    slices.blank = {0, 1, 2, 3, 4};
    StatisticsUpdater update(inference, estimator(rule), renewed_by_anything(1));
    for (std::int64_t n = 0; n < 5; ++n) {
      const Update result = update(slices.sample(n));
      EXPECT_TRUE(result.measured);
      EXPECT_FALSE(result.counted);
      EXPECT_EQ(*result.next.snapshot.statistics, network.source_statistics());
    }
    EXPECT_EQ(update.batches(), 0);
    EXPECT_TRUE(update(slices.sample(5)).counted);
  }
}

TEST_F(StatisticsUpdaterTest, RejectsSlicesOutOfOrder) {
  StatisticsUpdater update(inference, estimator(), {});
  EXPECT_THROW(update(slices.sample(1)), std::logic_error);
}

TEST_F(StatisticsUpdaterTest, RejectsRulesOutOfRange) {
  UpdateRule rule;
  rule.lag = 0;
  EXPECT_THROW(StatisticsUpdater(inference, estimator(), rule), std::invalid_argument);
  rule = {};
  rule.source_share = 1.5;
  EXPECT_THROW(StatisticsUpdater(inference, estimator(), rule), std::invalid_argument);
  rule = {};
  rule.renewal = -1;
  EXPECT_THROW(StatisticsUpdater(inference, estimator(), rule), std::invalid_argument);
}

}  // namespace
}  // namespace fibflow::nodes
