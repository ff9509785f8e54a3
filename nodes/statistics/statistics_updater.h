#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "model/statistics/estimator.h"
#include "model/tile/inference.h"
#include "nodes/statistics/drift_monitor.h"
#include "nodes/statistics/moments_collector.h"
#include "nodes/statistics/rules.h"
#include "nodes/tiles/snapshot.h"

namespace fibflow::nodes {

/// How the statistics are used, when they stop changing, and when they begin again.
struct UpdateRule {
  double source_share = 0.25;        ///< what is used is (1 - share) * estimate + share * source; in [0, 1]
  int lag = 4;                       ///< the snapshot made after slice n is slice n + lag's; at least 1
  bool frozen = false;               ///< from the start, for good
  std::optional<SettleRule> settle;  ///< freeze when settled; never without it
  MonitorRule monitor = {};          ///< of statistics that were frozen because they had settled
};

/// Everything that the updates to come depend on, so that a run can be continued bit for bit. Whoever adds to
/// it adds to what pipeline/segment/checkpoint.cpp keeps.
struct UpdaterState {
  std::int64_t next_order = 0;  ///< of the slice whose moments come next
  model::Estimator::State estimator;
  std::int64_t earlier_batches = 0;  ///< of estimates that were given up when the adaptation was reopened
  int calm_slices = 0;               ///< in a row, see SettleRule
  /// Order of the slice that settled the statistics; none (again) while they adapt.
  std::optional<std::int64_t> frozen_after;
  DriftMonitor::State monitor;
  std::deque<Snapshot> coming;  ///< for the slices next_order, next_order + 1, …: `lag` of them
};

/// Something that happens to the statistics once in a while.
struct Turn {
  enum class Kind { frozen, reopened };
  Kind kind = Kind::frozen;
  // Per channel, of slices' own moments from the running statistics (Update::slice_drift):
  double usual = 0;  ///< what is usual
  double limit = 0;  ///< what counts as a departure
  double drift = 0;  ///< reopened: of the slice that decided it
};

/// What an update made, and how the slice stands to the statistics.
struct Update {
  std::int64_t order = 0;                   ///< of the slice whose moments were taken
  OrderedSnapshot next;                     ///< for the slice `lag` later
  SliceState state = SliceState::adapting;  ///< of the slice
  double drift = 0;       ///< per channel, from the snapshot before this one; 0 unless the slice was adapting
  bool measured = false;  ///< the slice was: it is not in the state frozen
  bool counted = false;   ///< the slice was measured, and there is something in it that counts
  bool frozen = false;    ///< the statistics are, from the slice `lag` later on
  /// Of the source's statistics from those that the slice was segmented with, per channel, these normalizing.
  double drift_from_source = 0;
  /// Of the slice's own moments from the running statistics behind those that it was segmented with (without
  /// the source's share, which would hide a move towards the source), per channel; nothing if it was not
  /// measured. The running statistics are the ones that normalize: so a slice's drift is a distance between
  /// normalized activations, one yardstick for all slices, and finite for a slice that is all the same gray.
  std::optional<double> slice_drift;
  std::optional<Turn> turn;
  std::shared_ptr<const UpdaterState> after;  ///< this update, and no later one
};

/// Updates the running statistics with a slice's moments and makes the snapshot for the slice `lag` later.
///
/// When it decides that the statistics are settled, that snapshot and all that follow are frozen, with the
/// statistics folded into the weights; moments of slices that were already under way are then ignored by the
/// estimate. From there on each MonitorRule::every-th slice is monitored: segmented with the same statistics,
/// but measured. Once one departs from what is usual, so are all that can still be told to; if the next ones
/// that were measured depart too, MonitorRule::slices in all, the adaptation is reopened. The estimate then
/// starts anew from the last of those slices, measured in `batch` mode as a probe is: its moments under the old
/// statistics are those of wrongly normalized activations, and an estimate that started from them would take
/// tens of slices to recover (or never would).
///
/// With k = every, m = slices, L = lag: if the slices depart from slice j on, and the statistics were frozen,
/// then the first slice that is segmented with new statistics is at most slice
///
///     j + k - 1 + L                    if m = 1,
///     j + k - 1 + 2 L + m - 2          otherwise.
///
/// All of it depends on the order of the slices only, never on time.
/// In:     SliceMoments, in the order of processing.
/// Out:    Update.
/// Throws: std::logic_error if a slice comes out of order or was not measured though it should have been.
class StatisticsUpdater {
 public:
  using Input = SliceMoments;
  using Output = Update;

  /// The moments of a slice in `batch` mode.
  using Probe = std::function<model::Moments(const PreparedSlice&)>;

  /// probe: for rules that settle and monitor. Throws std::invalid_argument if a rule is out of its range, or
  /// needs a probe that is missing.
  StatisticsUpdater(const model::Inference& inference, model::Estimator estimator, UpdateRule rule,
                    Probe probe = {});

  Output operator()(const Input& moments);

  /// As it stands: what the next updates depend on, and the snapshots for the next `lag` slices. At the
  /// beginning they are all the same: the statistics before any update.
  UpdaterState state() const;

  /// Goes on from a state. Weights of its snapshots may be missing; they are made again. Throws
  /// std::invalid_argument if it is not one of such a rule and network.
  void restore(const UpdaterState& state);

  const model::Estimator& estimator() const { return estimator_; }
  /// Updates of the estimate, and of those before it.
  std::int64_t batches() const { return earlier_batches_ + estimator_.batches(); }
  /// Order of the slice that settled the statistics, if they are frozen.
  std::optional<std::int64_t> frozen_after() const { return frozen_after_; }

 private:
  Snapshot measured_snapshot() const;
  Snapshot frozen_snapshot() const;
  bool settles(double drift);
  bool is_monitored(std::int64_t order) const;
  void adapt(const Input& moments, Update& update);
  void watch(const Input& moments, Update& update);
  void reopen(const PreparedSlice& slice);
  Snapshot next_snapshot(std::int64_t order) const;

  model::Inference inference_;
  model::Estimator estimator_;
  UpdateRule rule_;
  Probe probe_;
  DriftMonitor monitor_;
  Snapshot latest_;              // adapting or frozen
  std::deque<Snapshot> coming_;  // for the next `lag` slices
  std::int64_t next_order_ = 0;
  std::int64_t earlier_batches_ = 0;
  int calm_slices_ = 0;
  std::optional<std::int64_t> frozen_after_;
};

}  // namespace fibflow::nodes
