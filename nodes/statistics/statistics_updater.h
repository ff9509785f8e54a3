#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "model/statistics/estimator.h"
#include "model/tile/inference.h"
#include "nodes/statistics/drift_monitor.h"
#include "nodes/statistics/rules.h"
#include "nodes/statistics/sample_measurer.h"
#include "nodes/statistics/sampler.h"
#include "nodes/tiles/snapshot.h"

namespace fibflow::nodes {

/// How the statistics are used, and when what is used changes.
struct UpdateRule {
  /// Weights are kept for each snapshot in use: there are not to be many at once.
  static constexpr int between_renewals = 4;

  double source_share = 0.25;  ///< what is used is (1 - share) * estimate + share * source; in [0, 1]
  int lag = 1;                 ///< the snapshot made after slice n is slice n + lag's; at least 1
  /// A new snapshot is made if in some layer it differs from the one in use by more than this, per channel (model::Drift, what
  /// would be used normalizing), and the last one was made at least `between_renewals` slices before.
  double renewal = 1e-3;
  MonitorRule monitor = {};
};

/// What was measured before the first slice.
struct MeasuredBefore {
  /// Slices (z) that are in the estimate already: measured again, they do not count twice.
  std::vector<std::int64_t> slices;
  /// How far some slices are from the estimate of others, per channel of each layer: what is usual.
  std::vector<std::vector<double>> distances;
};

/// Everything that the updates to come depend on, so that a run can be continued bit for bit. Whoever adds to
/// it adds to what pipeline/adapt/session_state.cpp keeps.
struct UpdaterState {
  std::int64_t next_order = 0;  ///< of the slice whose sample comes next
  model::Estimator::State estimator;
  /// An estimate of the slices that departed, in a row up to the last that was measured.
  std::optional<model::Estimator::State> anew;
  std::int64_t earlier_batches = 0;  ///< of estimates that were given up
  int beginnings = 0;                ///< how often the estimate has begun anew
  std::int64_t snapshots = 0;        ///< that were made so far
  std::int64_t renewed = 0;          ///< order of the slice after which the last one was
  DriftMonitor::State monitor;
  std::deque<Snapshot> coming;  ///< for the slices next_order, next_order + 1, …: `lag` of them
};

/// What an update made, and how the slice stands to the statistics.
struct Update {
  std::int64_t order = 0;  ///< of the slice whose sample was taken
  OrderedSnapshot next;    ///< for the slice `lag` later
  bool measured = false;   ///< a sample of the slice was
  bool counted = false;    ///< there is something in it that counts
  double seconds = 0;      ///< of measuring, on one thread
  /// How far the snapshot that is made after this slice is from the one before, per channel; nothing if none is made.
  std::optional<double> renewal;
  /// Of the source's statistics from those that the slice is segmented with, per channel, these normalizing.
  double drift_from_source = 0;
  /// Of the slice's own moments from the running statistics behind those that it is segmented with (without
  /// the source's share, which would hide a move towards the source), per channel; nothing if it was not
  /// measured. The running statistics are the ones that normalize: so a slice's drift is a distance between
  /// normalized activations, one yardstick for all slices, and finite for a slice that is all the same gray.
  std::optional<double> slice_drift;
  std::optional<Departure> turn;              ///< the acquisition has changed: of the slice that decided it
  std::shared_ptr<const UpdaterState> after;  ///< this update, and no later one
};

/// Updates the running statistics with what was measured of slices, and makes the snapshot for the slice `lag` later.
///
/// Every slice that was measured is compared with the estimate. If it departs from what is usual (DriftMonitor), it does not
/// count, and the next slice is measured, too, whether it is its turn or not; once MonitorRule::slices have departed in a row,
/// the acquisition has changed, and the estimate begins anew from those. A slice whose first layer, which is measured of each,
/// seems to depart is measured at once, and so is each before anything is known of the target. Slices are measured in `batch` mode, so their moments are their own, whatever statistics
/// are in use.
///
/// With k = every, m = MonitorRule::slices, L = lag: if the slices depart from slice j on, the first slice that is segmented
/// with new statistics is slice j + m - 1 + L if it shows in the first layer, and otherwise at most slice
///
///     j + k - 1 + m - 1 + L
///
/// All of it depends on the order of the slices only, never on time.
/// In:     SliceSample, in the order of processing.
/// Out:    Update.
/// Throws: std::logic_error if a slice comes out of order.
class StatisticsUpdater {
 public:
  using Input = SliceSample;
  using Output = Update;

  using Measure = std::function<SampleMeasurer::Measured(const PreparedSlice&)>;

  /// measure: slices out of their turn; empty if none is measured. Throws std::invalid_argument if a rule is out of its range.
  StatisticsUpdater(const model::Inference& inference, model::Estimator estimator, UpdateRule rule,
                    Measure measure = {}, const MeasuredBefore& before = {});

  Output operator()(const Input& sample);

  /// As it stands: what the next updates depend on, and the snapshots for the next `lag` slices. At the
  /// beginning they are all the same: the statistics before any update.
  UpdaterState state() const;

  /// Goes on from a state. Weights of its snapshots may be missing; they are made again. Throws
  /// std::invalid_argument if it is not one of such a rule and network.
  void restore(const UpdaterState& state);

  const model::Estimator& estimator() const { return estimator_; }
  /// Updates of the estimate, and of those before it.
  std::int64_t batches() const { return earlier_batches_ + estimator_.batches(); }
  std::int64_t snapshots() const { return snapshots_; }

 private:
  Snapshot snapshot() const;
  void take(const Input& sample, const model::Moments& moments, Update& update);
  bool is_to_be_measured(const Input& sample) const;
  bool counts_already(std::int64_t z) const;
  void renew(std::int64_t order, Update& update);

  model::Inference inference_;
  model::Estimator estimator_;
  std::optional<model::Estimator> anew_;
  UpdateRule rule_;
  Measure measure_;
  std::vector<std::int64_t> before_;  // sorted
  DriftMonitor monitor_;
  Snapshot latest_;
  std::deque<Snapshot> coming_;  // for the next `lag` slices
  std::int64_t next_order_ = 0;
  std::int64_t earlier_batches_ = 0;
  int beginnings_ = 0;
  std::int64_t snapshots_ = 1;
  std::int64_t renewed_;
};

}  // namespace fibflow::nodes
