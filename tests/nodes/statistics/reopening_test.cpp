// Frozen statistics are watched, and given up when the acquisition changes.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <vector>

#include "model/statistics/drift.h"
#include "nodes/statistics/statistics_updater.h"
#include "tests/fixtures/small_network.h"

namespace fibflow::nodes {
namespace {

class ReopeningTest : public ::testing::Test {
 protected:
  /// Moments as slice n of an imaginary stack could have: they differ a little from slice to slice, and lie
  /// elsewhere after a change.
  model::Moments moments_of(std::int64_t n, double change) const {
    model::Moments all;
    for (const model::BatchNorm& layer : network.batch_norms()) {
      model::LayerMoments m;
      m.count = 64;
      for (int c = 0; c < layer.channels; ++c) {
        m.mean.push_back(0.3 * c + 0.05 * static_cast<double>(n % 5) + change);
        m.squares.push_back(64 * (1 + 0.1 * c));
      }
      all.layers.push_back(std::move(m));
    }
    return all;
  }

  model::Estimator estimator(std::string rule = "pooled") const {
    model::EstimatorOptions options;
    options.rule = rule;
    model::Estimator result(options, network.source_statistics());
    result.start_from(moments_of(1, 0), 1);
    return result;
  }

  static UpdateRule rule(int lag, int every, int slices) {
    UpdateRule rule;
    rule.lag = lag;
    rule.settle = SettleRule{1e-4, 3};
    rule.monitor.every = every;
    rule.monitor.slices = slices;
    return rule;
  }

  /// The updater within a run: a slice is measured if its snapshot says so. In `batch` mode a slice has other
  /// moments than under the statistics in use.
  struct Stack {
    Stack(const ReopeningTest& fixture, UpdateRule rule, model::Estimator start)
        : test(fixture),
          updater(fixture.inference, std::move(start), rule, [this](const PreparedSlice& slice) {
            probed.push_back(slice.order);
            return test.moments_of(slice.order, change_at(slice.order) + 0.5 * (slice.order >= jump));
          }) {}
    Stack(const ReopeningTest& fixture, UpdateRule rule) : Stack(fixture, rule, fixture.estimator()) {}

    double change_at(std::int64_t n) const {
      return (n >= jump ? 3 : 0) + (std::find(odd.begin(), odd.end(), n) != odd.end() ? 3 : 0);
    }

    Update next() {
      const std::int64_t n = updater.state().next_order;
      SliceMoments moments{n, n, nullptr, nullptr};
      const SliceState state = updater.state().coming.front().state;
      if (state != SliceState::frozen) {
        moments.moments = std::make_shared<model::Moments>(test.moments_of(n, change_at(n)));
      }
      if (state == SliceState::monitored) {
        auto prepared = std::make_shared<PreparedSlice>();
        prepared->order = n;
        moments.prepared = prepared;
      }
      return updater(moments);
    }

    /// Order of the slice that settled the statistics.
    std::int64_t run_until_frozen() {
      for (int n = 0; n < 200; ++n) {
        const Update update = next();
        if (update.turn) return update.order;
      }
      throw std::logic_error("never settled");
    }

    const ReopeningTest& test;
    std::int64_t jump = 1'000'000;
    std::vector<std::int64_t> odd;  // single slices that are different
    std::vector<std::int64_t> probed;
    StatisticsUpdater updater;
  };

  const model::Network network = testing::small_network();
  const model::Inference inference{network, 32, 32};
};

TEST_F(ReopeningTest, EachKthSliceIsMonitoredOnceTheStatisticsAreFrozen) {
  Stack stack(*this, rule(4, 3, 2));
  const std::int64_t first = stack.run_until_frozen() + 4;
  for (int n = 0; n < 60; ++n) {
    const Update update = stack.next();
    const bool under_way = update.order < first;
    const bool monitored = !under_way && (update.order - first) % 3 == 2;
    EXPECT_EQ(update.state, under_way   ? SliceState::adapting
                            : monitored ? SliceState::monitored
                                        : SliceState::frozen);
    EXPECT_EQ(update.slice_drift.has_value(), under_way || monitored);
  }
}

TEST_F(ReopeningTest, AMonitoredSliceIsNormalizedWithTheStatisticsThatAreFoldedIntoTheOthers) {
  Stack stack(*this, rule(2, 4, 2));
  stack.run_until_frozen();
  std::shared_ptr<const model::Weights> folded;
  int monitored = 0;
  const Snapshot last = stack.updater.state().coming.back();
  for (int n = 0; n < 20; ++n) {
    const Snapshot snapshot = stack.next().next.snapshot;
    EXPECT_EQ(snapshot.statistics, last.statistics);
    monitored += snapshot.kind == model::PlanKind::measured;
    if (snapshot.kind == model::PlanKind::measured) {
      EXPECT_EQ(snapshot.weights, inference.weights());
    } else {
      EXPECT_TRUE(!folded || snapshot.weights == folded) << "folded again for nothing";
      folded = snapshot.weights;
    }
  }
  EXPECT_EQ(monitored, 5);
}

TEST_F(ReopeningTest, TheFirstSliceWithNewStatisticsComesNoLaterThanStated) {
  struct Case {
    int lag, every, slices;
  };
  for (const Case c :
       {Case{4, 8, 2}, Case{4, 8, 1}, Case{4, 8, 3}, Case{1, 5, 2}, Case{6, 4, 2}, Case{3, 1, 2}}) {
    const std::int64_t stated = c.every - 1 + c.lag + (c.slices > 1 ? c.lag + c.slices - 2 : 0);
    std::int64_t longest = 0;
    for (int place = 0; place < c.every; ++place) {  // of the jump between two monitored slices
      Stack stack(*this, rule(c.lag, c.every, c.slices));
      stack.jump = stack.run_until_frozen() + c.lag + 40 + place;
      std::optional<std::int64_t> took;
      while (!took) {
        const Update update = stack.next();
        ASSERT_LT(update.order, stack.jump + 100) << "never reopened";
        if (!update.turn) continue;
        EXPECT_EQ(update.turn->kind, Turn::Kind::reopened);
        EXPECT_GT(update.turn->drift, update.turn->limit);
        EXPECT_GE(update.order, stack.jump);
        took = update.next.order - stack.jump;
        EXPECT_EQ(update.next.snapshot.state, SliceState::adapting);
      }
      EXPECT_LE(*took, stated) << "lag " << c.lag << ", every " << c.every << ", slices " << c.slices;
      longest = std::max(longest, *took);
    }
    // Where slices under way happen to be monitored anyway, it may be sooner.
    if (c.every > c.lag) {
      EXPECT_EQ(longest, stated) << "lag " << c.lag << ", every " << c.every;
    }
  }
}

TEST_F(ReopeningTest, NothingIsReopenedWithoutAChange) {
  for (const int every : {1, 3, 8}) {
    Stack stack(*this, rule(4, every, 2));
    stack.run_until_frozen();
    for (int n = 0; n < 3000; ++n) EXPECT_FALSE(stack.next().turn);
  }
}

TEST_F(ReopeningTest, AnOddSliceIsLookedIntoAndReopensNothing) {
  Stack stack(*this, rule(4, 8, 2));
  const std::int64_t first = stack.run_until_frozen() + 4;
  const std::int64_t odd = first + 7 + 80;
  stack.odd = {odd};
  std::vector<std::int64_t> monitored;
  for (std::int64_t n = stack.updater.state().next_order; n < odd + 30; ++n) {
    const Update update = stack.next();
    EXPECT_FALSE(update.turn);
    if (update.state == SliceState::monitored && update.order >= odd) monitored.push_back(update.order - odd);
  }
  // As soon as the graph can, until one refutes it; what is under way then is measured too.
  EXPECT_EQ(monitored, (std::vector<std::int64_t>{0, 4, 5, 6, 7, 8, 16, 24}));
}

TEST_F(ReopeningTest, TheEstimateStartsAnewFromTheSliceMeasuredInBatchMode) {
  for (const auto kind : {"pooled", "ema", "ubna", "prior"}) {
    Stack stack(*this, rule(2, 4, 2), estimator(kind));
    // Averages with a fixed momentum follow the last slices, and never settle on these.
    stack.updater = StatisticsUpdater(
        inference, estimator(kind),
        [&] {
          UpdateRule loose = rule(2, 4, 2);
          loose.settle->drift = 1e-2;
          return loose;
        }(),
        [&](const PreparedSlice& slice) {
          stack.probed.push_back(slice.order);
          return moments_of(slice.order, 3.5);
        });
    stack.jump = stack.run_until_frozen() + 20;
    const std::int64_t batches = stack.updater.batches();
    Update update;
    do update = stack.next();
    while (!update.turn);
    EXPECT_EQ(stack.probed, (std::vector<std::int64_t>{update.order}));
    model::Estimator expected(stack.updater.estimator().options(), network.source_statistics());
    expected.start_from(moments_of(update.order, 3.5), 1);
    EXPECT_EQ(stack.updater.estimator().state(), expected.state());
    EXPECT_EQ(*update.next.snapshot.running, expected.estimate());
    EXPECT_EQ(*update.next.snapshot.statistics,
              model::blend(expected.estimate(), network.source_statistics(), 0.25));
    // Slices that were under way have moments of the old statistics: they do not count.
    const std::int64_t again = update.next.order;
    while (stack.updater.state().next_order < again) stack.next();
    EXPECT_EQ(stack.updater.estimator().state(), expected.state());
    stack.next();
    expected.update(moments_of(again, 3), 1);
    EXPECT_EQ(stack.updater.estimator().state(), expected.state());
    EXPECT_EQ(stack.updater.batches(), batches + 1);
  }
}

TEST_F(ReopeningTest, ASliceThatShowsNothingToStartFromLeavesItToTheNext) {
  Stack stack(*this, rule(2, 4, 2));
  std::vector<std::int64_t> probed;
  stack.updater = StatisticsUpdater(inference, estimator(), rule(2, 4, 2), [&](const PreparedSlice& slice) {
    probed.push_back(slice.order);
    model::Moments moments = moments_of(slice.order, 3.5);
    if (probed.size() == 1) moments.layers.front().count = 0;
    return moments;
  });
  stack.jump = stack.run_until_frozen() + 20;
  const model::Estimator::State before = stack.updater.estimator().state();
  Update update;
  do {
    EXPECT_EQ(stack.updater.estimator().state(), before);
    update = stack.next();
  } while (!update.turn);
  ASSERT_EQ(probed.size(), 2U);
  EXPECT_EQ(probed.back(), update.order);
}

TEST_F(ReopeningTest, SettlesAgainAfterAChangeAndIsWatchedAgain) {
  Stack stack(*this, rule(3, 5, 2));
  stack.jump = stack.run_until_frozen() + 30;
  std::vector<Turn::Kind> turns;
  for (int n = 0; n < 200; ++n) {
    const Update update = stack.next();
    if (update.turn) turns.push_back(update.turn->kind);
    if (turns.size() == 2 && update.turn) stack.jump = 1'000'000;  // and back again
  }
  using Kind = Turn::Kind;
  EXPECT_EQ(turns, (std::vector<Kind>{Kind::reopened, Kind::frozen, Kind::reopened, Kind::frozen}));
}

TEST_F(ReopeningTest, GoesOnFromTheStateAfterAnySlice) {
  Stack whole(*this, rule(4, 6, 2));
  whole.jump = whole.run_until_frozen() + 25;
  std::vector<Update> updates;
  for (int n = 0; n < 150; ++n) updates.push_back(whole.next());
  ASSERT_EQ(std::count_if(updates.begin(), updates.end(), [](const Update& u) { return u.turn.has_value(); }),
            2);
  for (std::size_t n = 0; n < updates.size(); ++n) {
    Stack rest(*this, rule(4, 6, 2));
    rest.jump = whole.jump;
    UpdaterState state = *updates[n].after;
    for (Snapshot& snapshot : state.coming) snapshot.weights.reset();
    rest.updater.restore(state);
    for (std::size_t later = n + 1; later < updates.size(); ++later) {
      const Update update = rest.next();
      ASSERT_EQ(update.state, updates[later].state) << "slice " << later << " after a stop at " << n;
      ASSERT_EQ(update.slice_drift, updates[later].slice_drift);
      ASSERT_EQ(update.turn.has_value(), updates[later].turn.has_value());
      ASSERT_EQ(*update.next.snapshot.statistics, *updates[later].next.snapshot.statistics);
      ASSERT_EQ(update.next.snapshot.kind, updates[later].next.snapshot.kind);
    }
    ASSERT_EQ(rest.updater.state().monitor, whole.updater.state().monitor);
    ASSERT_EQ(rest.updater.batches(), whole.updater.batches());
  }
}

TEST_F(ReopeningTest, AMonitorNeedsAProbe) {
  EXPECT_THROW(StatisticsUpdater(inference, estimator(), rule(4, 8, 2)), std::invalid_argument);
  EXPECT_NO_THROW(StatisticsUpdater(inference, estimator(), rule(4, 0, 2)));
}

TEST_F(ReopeningTest, TheDriftOfASliceIsThatFromTheRunningStatisticsWithoutTheSourcesShare) {
  Stack stack(*this, rule(1, 8, 2), estimator("ema"));
  const auto running = stack.updater.state().coming.front();
  const Update update = stack.next();
  EXPECT_DOUBLE_EQ(*update.slice_drift,
                   model::drift(moments_of(0, 0).statistics(), *running.running).per_channel);
  EXPECT_DOUBLE_EQ(update.drift_from_source,
                   model::drift(network.source_statistics(), *running.statistics).per_channel);
}

}  // namespace
}  // namespace fibflow::nodes
