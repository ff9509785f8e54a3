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
  first_ = rule_.frozen ? frozen_snapshot() : measured_snapshot();
  latest_ = first_;
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
  if (latest_.kind == model::PlanKind::measured) {
    if (!moments.moments) throw std::logic_error("a slice was not measured");
    estimator_.update(*moments.moments, 1);
    Snapshot next = measured_snapshot();
    update.drift = model::drift(*latest_.statistics, *next.statistics).per_channel;
    latest_ = std::move(next);
    if (settles(update.drift)) {
      latest_ = frozen_snapshot();
      frozen_after_ = moments.order;
    }
  }
  update.frozen = latest_.kind == model::PlanKind::frozen;
  update.next = {moments.order + rule_.lag, latest_};
  return update;
}

}  // namespace fibflow::nodes
