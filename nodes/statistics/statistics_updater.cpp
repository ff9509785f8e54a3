#include "nodes/statistics/statistics_updater.h"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <utility>

#include "model/statistics/drift.h"

namespace fibflow::nodes {

StatisticsUpdater::StatisticsUpdater(const model::Inference& inference, model::Estimator estimator,
                                     UpdateRule rule, Probe probe)
    : inference_(inference),
      estimator_(std::move(estimator)),
      rule_(rule),
      probe_(std::move(probe)),
      monitor_(rule.monitor) {
  if (rule_.lag < 1) throw std::invalid_argument("the lag must be at least 1 slice");
  if (rule_.settle && (!(rule_.settle->drift > 0) || rule_.settle->slices < 1)) {
    throw std::invalid_argument("settling needs a drift above 0 and at least 1 slice");
  }
  if (rule_.settle && rule_.monitor.every > 0 && !probe_) {
    throw std::invalid_argument("a monitor needs a probe to reopen with");
  }
  latest_ = rule_.frozen ? frozen_snapshot() : measured_snapshot();
  coming_.assign(static_cast<std::size_t>(rule_.lag), latest_);
}

UpdaterState StatisticsUpdater::state() const {
  return {next_order_,   estimator_.state(), earlier_batches_, calm_slices_,
          frozen_after_, monitor_.state(),   coming_};
}

void StatisticsUpdater::restore(const UpdaterState& state) {
  if (state.coming.size() != static_cast<std::size_t>(rule_.lag)) {
    throw std::invalid_argument("the state has snapshots for another lag");
  }
  estimator_.restore(state.estimator);
  next_order_ = state.next_order;
  earlier_batches_ = state.earlier_batches;
  calm_slices_ = state.calm_slices;
  frozen_after_ = state.frozen_after;
  monitor_.restore(state.monitor);
  // Frozen weights are large: snapshots with the same statistics share them, as they did.
  Snapshot frozen;
  std::deque<Snapshot> coming;
  for (Snapshot next : state.coming) {
    if (!next.statistics || !next.running) {
      throw std::invalid_argument("the state has a snapshot without statistics");
    }
    if (next.state == SliceState::frozen) {
      if (frozen.weights && *frozen.statistics == *next.statistics) next.weights = frozen.weights;
      if (!next.weights) next.weights = inference_.freeze(*next.statistics);
      frozen = next;
    } else if (!next.weights) {
      next.weights = inference_.weights();
    }
    coming.push_back(std::move(next));
  }
  coming_ = std::move(coming);
  latest_ = coming_.back();
  if (latest_.state == SliceState::monitored) {
    const bool shared = frozen.weights && *frozen.statistics == *latest_.statistics;
    latest_.state = SliceState::frozen;
    latest_.kind = model::PlanKind::frozen;
    latest_.weights = shared ? frozen.weights : inference_.freeze(*latest_.statistics);
  }
}

Snapshot StatisticsUpdater::measured_snapshot() const {
  const auto running = std::make_shared<const model::Statistics>(estimator_.estimate());
  const auto used = std::make_shared<const model::Statistics>(
      model::blend(*running, estimator_.source(), rule_.source_share));
  return {model::PlanKind::measured, inference_.weights(), used, running, SliceState::adapting};
}

Snapshot StatisticsUpdater::frozen_snapshot() const {
  Snapshot snapshot = measured_snapshot();
  snapshot.state = SliceState::frozen;
  snapshot.kind = model::PlanKind::frozen;
  snapshot.weights = inference_.freeze(*snapshot.statistics);
  return snapshot;
}

bool StatisticsUpdater::settles(double drift) {
  if (!rule_.settle) return false;
  calm_slices_ = drift <= rule_.settle->drift ? calm_slices_ + 1 : 0;
  // The first `lag` slices know nothing of each other: that they agree does not mean that anything has settled.
  return calm_slices_ >= std::max(rule_.settle->slices, rule_.lag + 1);
}

/// Of a slice that comes after the statistics were frozen because they had settled.
bool StatisticsUpdater::is_monitored(std::int64_t order) const {
  const int every = rule_.monitor.every;
  if (every == 0) return false;
  return monitor_.suspects() || (order - *frozen_after_ - rule_.lag + 1) % every == 0;
}

/// What a slice is segmented with under the statistics as they now stand.
Snapshot StatisticsUpdater::next_snapshot(std::int64_t order) const {
  Snapshot next = latest_;
  if (frozen_after_ && is_monitored(order)) {
    next.state = SliceState::monitored;
    next.kind = model::PlanKind::measured;
    next.weights = inference_.weights();
  }
  return next;
}

void StatisticsUpdater::adapt(const Input& moments, Update& update) {
  estimator_.update(*moments.moments, 1);
  const auto before = latest_.statistics;
  latest_ = measured_snapshot();
  update.drift = model::drift(*before, *latest_.statistics).per_channel;
  const bool settled = settles(update.drift);
  // What is usual shows in the calm before the statistics settle; until then they stray, and slices from them.
  if (calm_slices_ == 0) monitor_.forget();
  if (calm_slices_ > 0) monitor_.learn(*update.slice_drift);
  if (!settled) return;
  latest_ = frozen_snapshot();
  frozen_after_ = moments.order;
  update.turn = Turn{Turn::Kind::frozen, monitor_.usual(), monitor_.limit(), 0};
}

void StatisticsUpdater::watch(const Input& moments, Update& update) {
  // What was under way when the statistics settled was segmented with others, but shows a change as well.
  const double usual = monitor_.usual();
  const double limit = monitor_.limit();
  if (!monitor_.departs(*update.slice_drift)) return;
  if (update.state == SliceState::adapting || !moments.prepared) return;
  reopen(*moments.prepared);
  if (frozen_after_) return;
  update.turn = Turn{Turn::Kind::reopened, usual, limit, *update.slice_drift};
}

void StatisticsUpdater::reopen(const PreparedSlice& slice) {
  model::Estimator anew(estimator_.options(), estimator_.source());
  // Of a large slice a sample is measured, which may happen to show nothing that counts: the next slice has to do.
  if (!anew.start_from(probe_(slice), 1)) return;
  earlier_batches_ += estimator_.batches();
  estimator_ = std::move(anew);
  monitor_.forget();
  calm_slices_ = 0;
  frozen_after_.reset();
  latest_ = measured_snapshot();
}

StatisticsUpdater::Output StatisticsUpdater::operator()(const Input& moments) {
  if (moments.order != next_order_) throw std::logic_error("the moments of a slice came out of order");
  const Snapshot used = coming_.front();
  if ((moments.moments != nullptr) != (used.kind == model::PlanKind::measured)) {
    throw std::logic_error("a slice was not measured that should have been, or was though it should not");
  }
  ++next_order_;
  Update update;
  update.order = moments.order;
  update.state = used.state;
  update.measured = moments.moments != nullptr;
  update.drift_from_source = model::drift(estimator_.source(), *used.statistics).per_channel;
  // What shows nothing but featureless area says nothing about the acquisition.
  update.counted = moments.moments && moments.moments->complete();
  if (update.counted) {
    update.slice_drift = model::drift(moments.moments->statistics(), *used.running).per_channel;
    // Slices that were under way when the adaptation was reopened were told to be monitored, and come too late.
    if (frozen_after_ && rule_.monitor.every > 0) {
      watch(moments, update);
    } else if (!frozen_after_ && used.state == SliceState::adapting) {
      adapt(moments, update);
    }
  }
  coming_.pop_front();
  coming_.push_back(next_snapshot(moments.order + rule_.lag));
  update.frozen = latest_.state == SliceState::frozen;
  update.next = {moments.order + rule_.lag, coming_.back()};
  update.after = std::make_shared<const UpdaterState>(state());
  return update;
}

}  // namespace fibflow::nodes
