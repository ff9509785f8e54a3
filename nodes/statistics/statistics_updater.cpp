#include "nodes/statistics/statistics_updater.h"

#include <algorithm>
#include <memory>
#include <span>
#include <stdexcept>
#include <utility>

#include "model/statistics/drift.h"

namespace fibflow::nodes {

StatisticsUpdater::StatisticsUpdater(const model::Inference& inference, model::Estimator estimator,
                                     UpdateRule rule, Measure measure, const MeasuredBefore& before)
    : inference_(inference),
      estimator_(std::move(estimator)),
      rule_(rule),
      measure_(std::move(measure)),
      before_(before.slices),
      monitor_(rule.monitor),
      renewed_(-UpdateRule::between_renewals) {
  if (rule_.lag < 1) throw std::invalid_argument("the lag must be at least 1 slice");
  if (!(rule_.renewal >= 0)) throw std::invalid_argument("the drift of a renewal cannot be negative");
  std::ranges::sort(before_);
  for (const std::vector<double>& distances : before.distances) monitor_.learn(distances);
  latest_ = snapshot();
  coming_.assign(static_cast<std::size_t>(rule_.lag), latest_);
}

UpdaterState StatisticsUpdater::state() const {
  UpdaterState state{next_order_, estimator_.state(), std::nullopt,     earlier_batches_, beginnings_,
                     snapshots_,  renewed_,           monitor_.state(), coming_};
  if (anew_) state.anew = anew_->state();
  return state;
}

void StatisticsUpdater::restore(const UpdaterState& state) {
  if (state.coming.size() != static_cast<std::size_t>(rule_.lag)) {
    throw std::invalid_argument("the state has snapshots for another lag");
  }
  estimator_.restore(state.estimator);
  anew_.reset();
  if (state.anew) anew_.emplace(estimator_).restore(*state.anew);
  next_order_ = state.next_order;
  earlier_batches_ = state.earlier_batches;
  beginnings_ = state.beginnings;
  snapshots_ = state.snapshots;
  renewed_ = state.renewed;
  monitor_.restore(state.monitor);
  // Weights are large: snapshots with the same statistics share them, as they did.
  const Snapshot* before = nullptr;
  std::deque<Snapshot> coming = state.coming;
  for (Snapshot& next : coming) {
    if (!next.statistics || !next.running) {
      throw std::invalid_argument("the state has a snapshot without statistics");
    }
    if (before != nullptr && *before->statistics == *next.statistics) next.weights = before->weights;
    if (!next.weights) next.weights = inference_.freeze(*next.statistics);
    before = &next;
  }
  coming_ = std::move(coming);
  latest_ = coming_.back();
}

Snapshot StatisticsUpdater::snapshot() const {
  const auto running = std::make_shared<const model::Statistics>(estimator_.estimate());
  const auto used = std::make_shared<const model::Statistics>(
      model::blend(*running, estimator_.source(), rule_.source_share));
  return {model::PlanKind::frozen, inference_.freeze(*used), used, running};
}

/// In the estimate as it now is.
bool StatisticsUpdater::counts_already(std::int64_t z) const {
  return beginnings_ == 0 && std::ranges::binary_search(before_, z);
}

void StatisticsUpdater::take(const Input& sample, const model::Moments& moments, Update& update) {
  const model::Statistics own = moments.statistics();
  const auto distances_from = [&](const model::Estimator& estimator) {
    return model::drift(own, estimator.estimate()).layers_per_channel;
  };
  // From the source nothing departs: before anything was measured, nothing is known of the target.
  const bool begun = estimator_.state().images > 0;
  const std::vector<double> distances = distances_from(estimator_);
  const std::optional<Departure> departure = begun ? monitor_.departs(distances) : std::nullopt;
  if (!departure) {
    anew_.reset();
    if (counts_already(sample.slice.slice.z())) return;
    if (begun) monitor_.learn(distances);
    estimator_.update(moments, 1);
    return renew(sample.order, update);
  }
  std::vector<double> from_others;  // that departed, too
  if (anew_) {
    from_others = distances_from(*anew_);
    anew_->update(moments, 1);
  } else {
    anew_.emplace(estimator_.options(), estimator_.source()).start_from(std::span(&moments, 1));
  }
  if (!monitor_.has_changed()) return;
  earlier_batches_ += estimator_.batches();
  ++beginnings_;
  estimator_ = *std::exchange(anew_, std::nullopt);
  monitor_.forget();
  if (!from_others.empty()) monitor_.learn(from_others);
  update.turn = departure;
  renew(sample.order, update);
}

void StatisticsUpdater::renew(std::int64_t order, Update& update) {
  const bool at_once = update.turn.has_value();
  if (!at_once && order - renewed_ < UpdateRule::between_renewals) return;
  const model::Drift moved = model::drift(
      *latest_.statistics, model::blend(estimator_.estimate(), estimator_.source(), rule_.source_share));
  if (!at_once && !(std::ranges::max(moved.layers_per_channel) > rule_.renewal)) return;
  latest_ = snapshot();
  ++snapshots_;
  renewed_ = order;
  update.renewal = moved.per_channel;
}

/// Out of its turn.
bool StatisticsUpdater::is_to_be_measured(const Input& sample) const {
  if (!measure_ || !sample.moments || !sample.moments->complete()) return false;
  if (monitor_.suspects() || estimator_.state().images == 0) return true;
  const model::LayerStatistics first = sample.moments->layers.front().statistics();
  const model::Statistics estimate = estimator_.estimate();
  return monitor_.seems_to_depart(model::drift({{first}}, {{estimate.layers.front()}}).per_channel);
}

StatisticsUpdater::Output StatisticsUpdater::operator()(const Input& sample) {
  if (sample.order != next_order_) throw std::logic_error("the sample of a slice came out of order");
  const Snapshot used = coming_.front();
  ++next_order_;
  Update update;
  update.order = sample.order;
  update.drift_from_source = model::drift(estimator_.source(), *used.statistics).per_channel;
  std::shared_ptr<const model::Moments> moments = sample.due ? sample.moments : nullptr;
  update.seconds = sample.seconds;
  if (!sample.due && is_to_be_measured(sample)) {
    SampleMeasurer::Measured measured = measure_(sample.slice);
    moments = std::make_shared<const model::Moments>(std::move(measured.moments));
    update.seconds += measured.seconds;
  }
  update.measured = moments != nullptr;
  // What shows nothing but featureless area says nothing about the acquisition.
  update.counted = moments && moments->complete();
  if (update.counted) {
    update.slice_drift = model::drift(moments->statistics(), *used.running).per_channel;
    take(sample, *moments, update);
  }
  coming_.pop_front();
  coming_.push_back(latest_);
  update.next = {sample.order + rule_.lag, latest_};
  update.after = std::make_shared<const UpdaterState>(state());
  return update;
}

}  // namespace fibflow::nodes
