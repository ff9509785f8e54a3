#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "model/estimator.h"
#include "model/inference.h"
#include "nodes/moments_collector.h"
#include "nodes/snapshot.h"

namespace fibflow::nodes {

/// When the statistics count as settled: once the drift between the snapshots of successive slices, per
/// channel (see model::Drift), has stayed at or below `drift` for `slices` slices in a row, and for more
/// than `lag` of them.
struct SettleRule {
  double drift = 1e-4;
  int slices = 5;
};

/// How the statistics are used and when they stop changing.
struct UpdateRule {
  double source_share = 0.25;        ///< what is used is (1 - share) * estimate + share * source; in [0, 1]
  int lag = 4;                       ///< the snapshot made after slice n is slice n + lag's; at least 1
  bool frozen = false;               ///< from the start
  std::optional<SettleRule> settle;  ///< freeze when settled; never without it
};

/// Everything that the updates to come depend on, so that a run can be continued bit for bit. Whoever adds to
/// it adds to what pipeline/checkpoint.cpp keeps.
struct UpdaterState {
  std::int64_t next_order = 0;  ///< of the slice whose moments come next
  model::Estimator::State estimator;
  int calm_slices = 0;                       ///< in a row, see SettleRule
  std::optional<std::int64_t> frozen_after;  ///< order of the slice that settled the statistics
  std::deque<Snapshot> coming;  ///< for the slices next_order, next_order + 1, …: `lag` of them
};

/// What an update made.
struct Update {
  std::int64_t order = 0;  ///< of the slice whose moments were taken
  OrderedSnapshot next;    ///< for the slice `lag` later
  double drift = 0;        ///< per channel, from the snapshot before this one; 0 when frozen
  bool measured = false;   ///< the slice was: it was not segmented with frozen statistics
  bool frozen = false;     ///< next is frozen
  std::shared_ptr<const UpdaterState> after;  ///< this update, and no later one
};

/// Updates the running statistics with a slice's moments and makes the snapshot for the slice `lag` later.
/// When it decides that the statistics are settled, that snapshot and all that follow are frozen, with the
/// statistics folded into the weights; moments of slices that were already under way are then ignored. All of
/// it depends on the order of the slices only, never on time. In:     SliceMoments, in the order of
/// processing. Out:    Update. Throws: std::logic_error if a slice comes out of order or was not measured
/// though the statistics were not frozen.
class StatisticsUpdater {
 public:
  using Input = SliceMoments;
  using Output = Update;

  /// Throws std::invalid_argument if a rule is out of its range.
  StatisticsUpdater(const model::Inference& inference, model::Estimator estimator, UpdateRule rule);

  Output operator()(const Input& moments);

  /// As it stands: what the next updates depend on, and the snapshots for the next `lag` slices. At the
  /// beginning they are all the same: the statistics before any update.
  UpdaterState state() const;

  /// Goes on from a state. Weights of its snapshots may be missing; they are made again. Throws
  /// std::invalid_argument if it is not one of such a rule and network.
  void restore(const UpdaterState& state);

  const model::Estimator& estimator() const { return estimator_; }
  std::optional<std::int64_t> frozen_after() const {
    return frozen_after_;
  }  ///< order of the slice that settled it

 private:
  std::shared_ptr<const model::Statistics> used() const;
  Snapshot measured_snapshot() const;
  Snapshot frozen_snapshot() const;
  bool settles(double drift);

  model::Inference inference_;
  model::Estimator estimator_;
  UpdateRule rule_;
  std::deque<Snapshot> coming_;  // for the next `lag` slices; the last one is the latest
  std::int64_t next_order_ = 0;
  int calm_slices_ = 0;
  std::optional<std::int64_t> frozen_after_;
};

}  // namespace fibflow::nodes
