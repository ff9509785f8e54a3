#include "nodes/statistics/statistics_updater.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "model/statistics/drift.h"
#include "tests/fixtures/small_network.h"

namespace fibflow::nodes {
namespace {

class StatisticsUpdaterTest : public ::testing::Test {
 protected:
  /// Moments as slice n of an imaginary stack could have.
  SliceMoments moments(std::int64_t n, double spread = 1) const {
    auto all = std::make_shared<model::Moments>();
    for (const model::BatchNorm& layer : network.batch_norms()) {
      model::LayerMoments m;
      m.count = 64;
      for (int c = 0; c < layer.channels; ++c) {
        m.mean.push_back(0.3 * c + spread * static_cast<double>(n % 3));
        m.squares.push_back(64 * (1 + 0.1 * c));
      }
      all->layers.push_back(std::move(m));
    }
    return {n, n, std::move(all)};
  }

  model::Estimator estimator(std::string rule = "ema") const {
    model::EstimatorOptions options;
    options.rule = rule;
    return model::Estimator(options, network.source_statistics());
  }

  const model::Network network = testing::small_network();
  const model::Inference inference{network, 32, 32};
};

TEST_F(StatisticsUpdaterTest, SnapshotAfterASliceIsTheOneForTheSliceLagLater) {
  UpdateRule rule;
  rule.lag = 3;
  StatisticsUpdater update(inference, estimator(), rule);
  model::Estimator plain = estimator();
  for (std::int64_t n = 0; n < 6; ++n) {
    const Update result = update(moments(n));
    plain.update(*moments(n).moments, 1);
    EXPECT_EQ(result.order, n);
    EXPECT_EQ(result.next.order, n + 3);
    EXPECT_EQ(*result.next.snapshot.statistics, model::blend(plain.estimate(), plain.source(), 0.25));
  }
}

TEST_F(StatisticsUpdaterTest, FirstSnapshotIsTheEstimateWithTheSourcesShare) {
  model::Estimator probed = estimator("pooled");
  probed.start_from(*moments(1).moments, 3);
  UpdateRule rule;
  rule.source_share = 0.5;
  const StatisticsUpdater update(inference, probed, rule);
  EXPECT_EQ(*update.state().coming.front().statistics, model::blend(probed.estimate(), probed.source(), 0.5));
  EXPECT_EQ(update.state().coming.front().kind, model::PlanKind::measured);
}

TEST_F(StatisticsUpdaterTest, FrozenFromTheStartNothingChanges) {
  UpdateRule rule;
  rule.frozen = true;
  rule.source_share = 0;
  StatisticsUpdater update(inference, estimator(), rule);
  EXPECT_EQ(update.state().coming.front().kind, model::PlanKind::frozen);
  const Snapshot first = update.state().coming.front();
  for (std::int64_t n = 0; n < 3; ++n) {
    const Update result = update({n, n, nullptr});
    EXPECT_TRUE(result.frozen);
    EXPECT_EQ(result.next.snapshot.weights, first.weights);
  }
  EXPECT_EQ(update.estimator().batches(), 0);
}

TEST_F(StatisticsUpdaterTest, FreezesWhenTheStatisticsHaveSettledAndIgnoresSlicesUnderWay) {
  UpdateRule rule;
  rule.lag = 2;
  rule.settle = SettleRule{1e-3, 2};
  rule.monitor.every = 0;
  StatisticsUpdater update(inference, estimator("pooled"), rule);
  std::int64_t frozen_after = -1;
  for (std::int64_t n = 0; n < 200 && frozen_after < 0; ++n) {
    if (update(moments(n, 0.01)).frozen) frozen_after = n;
  }
  ASSERT_GT(frozen_after, 1);
  EXPECT_EQ(update.frozen_after(), frozen_after);
  const auto batches = update.estimator().batches();
  // The slice that was measured before the decision could reach it, then frozen ones.
  const Update last = update(moments(frozen_after + 1, 5));
  update({frozen_after + 2, 0, nullptr});
  const Update later = update({frozen_after + 3, 0, nullptr});
  EXPECT_EQ(update.estimator().batches(), batches);
  EXPECT_EQ(later.next.snapshot.statistics, last.next.snapshot.statistics);
  EXPECT_EQ(later.next.snapshot.kind, model::PlanKind::frozen);
}

TEST_F(StatisticsUpdaterTest, SlicesThatKnowNothingOfEachOtherDoNotCountAsSettled) {
  UpdateRule rule;
  rule.lag = 4;
  rule.settle = SettleRule{1e9, 1};
  rule.monitor.every = 0;
  StatisticsUpdater update(inference, estimator(), rule);
  for (std::int64_t n = 0; n < 4; ++n) EXPECT_FALSE(update(moments(n)).frozen) << "slice " << n;
  EXPECT_TRUE(update(moments(4)).frozen);
}

TEST_F(StatisticsUpdaterTest, ARestlessSliceStartsTheCountAgain) {
  UpdateRule rule;
  rule.settle = SettleRule{1e-3, 3};
  rule.monitor.every = 0;
  StatisticsUpdater update(inference, estimator("ema"), rule);
  for (std::int64_t n = 0; n < 60; ++n) {
    EXPECT_FALSE(update(moments(n, n % 3 == 2 ? 5 : 0.001)).frozen) << "slice " << n;
  }
}

TEST_F(StatisticsUpdaterTest, RejectsSlicesOutOfOrderAndSlicesThatWereNotMeasured) {
  StatisticsUpdater update(inference, estimator(), {});
  EXPECT_THROW(update(moments(1)), std::logic_error);
  StatisticsUpdater another(inference, estimator(), {});
  EXPECT_THROW(another({0, 0, nullptr}), std::logic_error);
}

TEST_F(StatisticsUpdaterTest, RejectsRulesOutOfRange) {
  UpdateRule rule;
  rule.lag = 0;
  EXPECT_THROW(StatisticsUpdater(inference, estimator(), rule), std::invalid_argument);
  rule = {};
  rule.source_share = 1.5;
  EXPECT_THROW(StatisticsUpdater(inference, estimator(), rule), std::invalid_argument);
  rule = {};
  rule.settle = SettleRule{0, 3};
  EXPECT_THROW(StatisticsUpdater(inference, estimator(), rule), std::invalid_argument);
}

TEST_F(StatisticsUpdaterTest, ASliceOfWhichNothingCountsChangesNothingAndSettlesNothing) {
  for (const std::string rule : {"ema", "pooled", "prior", "ubna"}) {
    UpdateRule settling;
    settling.lag = 1;
    settling.settle = SettleRule{1e9, 2};  // any slice that counts is calm
    settling.monitor.every = 0;
    StatisticsUpdater update(inference, estimator(rule), settling);
    SliceMoments blank = moments(0);
    auto empty = std::make_shared<model::Moments>(*blank.moments);
    for (model::LayerMoments& layer : empty->layers) layer.count = 0;
    blank.moments = empty;
    for (std::int64_t n = 0; n < 5; ++n) {
      blank.order = n;
      const Update result = update(blank);
      EXPECT_TRUE(result.measured);
      EXPECT_FALSE(result.counted);
      EXPECT_FALSE(result.frozen);
      EXPECT_EQ(*result.next.snapshot.statistics, network.source_statistics());
    }
    EXPECT_EQ(update.estimator().batches(), 0);
    EXPECT_TRUE(update(moments(5)).counted);
    EXPECT_TRUE(update(moments(6)).frozen);
  }
}

}  // namespace
}  // namespace fibflow::nodes
