#include "nodes/statistics_updater.h"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <utility>

#include "model/drift.h"

namespace fibflow::nodes {

StatisticsUpdater::StatisticsUpdater(const model::Inference& inference, model::Estimator estimator,
                                     UpdateRule rule)
    : inference_(inference), estimator_(std::move(estimator)), rule_(rule) {
  if (rule_.lag < 1) throw std::invalid_argument("the lag must be at least 1 slice");
  if (rule_.settle && (!(rule_.settle->drift > 0) || rule_.settle->slices < 1)) {
    throw std::invalid_argument("settling needs a drift above 0 and at least 1 slice");
  }
  coming_.assign(static_cast<std::size_t>(rule_.lag), rule_.frozen ? frozen_snapshot() : measured_snapshot());
}

UpdaterState StatisticsUpdater::state() const {
  return {next_order_, estimator_.state(), calm_slices_, frozen_after_, coming_};
}

void StatisticsUpdater::restore(const UpdaterState& state) {
  if (state.coming.size() != static_cast<std::size_t>(rule_.lag)) {
    throw std::invalid_argument("the state has snapshots for another lag");
  }
  estimator_.restore(state.estimator);
  next_order_ = state.next_order;
  calm_slices_ = state.calm_slices;
  frozen_after_ = state.frozen_after;
  std::deque<Snapshot> coming;
  for (Snapshot next : state.coming) {
    // Frozen weights are large: snapshots with the same statistics share them, as they did.
    const bool repeats =
        !coming.empty() && coming.back().kind == next.kind && *coming.back().statistics == *next.statistics;
    if (repeats) next = coming.back();
    if (!next.weights) {
      next.weights =
          next.kind == model::PlanKind::frozen ? inference_.freeze(*next.statistics) : inference_.weights();
    }
    coming.push_back(std::move(next));
  }
  coming_ = std::move(coming);
}

std::shared_ptr<const model::Statistics> StatisticsUpdater::used() const {
  return std::make_shared<const model::Statistics>(
      model::blend(estimator_.estimate(), estimator_.source(), rule_.source_share));
}

Snapshot StatisticsUpdater::measured_snapshot() const {
  return {model::PlanKind::measured, inference_.weights(), used()};
}

Snapshot StatisticsUpdater::frozen_snapshot() const {
  const auto statistics = used();
  return {model::PlanKind::frozen, inference_.freeze(*statistics), statistics};
}

bool StatisticsUpdater::settles(double drift) {
  if (!rule_.settle) return false;
  calm_slices_ = drift <= rule_.settle->drift ? calm_slices_ + 1 : 0;
  // The first `lag` slices know nothing of each other: that they agree does not mean that anything has settled.
  return calm_slices_ >= std::max(rule_.settle->slices, rule_.lag + 1);
}

StatisticsUpdater::Output StatisticsUpdater::operator()(const Input& moments) {
  if (moments.order != next_order_) throw std::logic_error("the moments of a slice came out of order");
  ++next_order_;
  Update update;
  update.order = moments.order;
  update.measured = moments.moments != nullptr;
  const Snapshot& latest = coming_.back();
  Snapshot next = latest;
  if (latest.kind == model::PlanKind::measured) {
    if (!moments.moments) throw std::logic_error("a slice was not measured");
    estimator_.update(*moments.moments, 1);
    next = measured_snapshot();
    update.drift = model::drift(*latest.statistics, *next.statistics).per_channel;
    if (settles(update.drift)) {
      next = frozen_snapshot();
      frozen_after_ = moments.order;
    }
  }
  coming_.pop_front();
  coming_.push_back(next);
  update.frozen = next.kind == model::PlanKind::frozen;
  update.next = {moments.order + rule_.lag, std::move(next)};
  update.after = std::make_shared<const UpdaterState>(state());
  return update;
}

}  // namespace fibflow::nodes
