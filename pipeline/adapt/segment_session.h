#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "io/slice.h"
#include "model/statistics/estimator.h"
#include "model/tile/inference.h"
#include "nodes/finish/finisher.h"
#include "nodes/finish/neighbours.h"
#include "nodes/intensity/normalizer.h"
#include "nodes/scale/scaler.h"
#include "nodes/statistics/sample_measurer.h"
#include "nodes/statistics/sampler.h"
#include "nodes/statistics/statistics_updater.h"
#include "nodes/tiles/classifier.h"
#include "nodes/tiles/segmenter.h"
#include "nodes/tiles/stitcher.h"
#include "nodes/tiles/tiler.h"
#include "nodes/tiles/worker_pool.h"
#include "pipeline/adapt/plan.h"
#include "pipeline/flow/run_context.h"
#include "pipeline/flow/thread_team.h"

namespace fibflow::pipeline {

/// What a session makes of slices.
struct SessionSetting {
  nodes::UpdateRule rule;
  double measuring_share = 0.25;  ///< of the source in what normalizes while a sample is measured
  bool measures = true;           ///< on the way, if the plan says of which slices
  nodes::PredictionFormat format;
  nodes::Finishing finishing;
  int copies = 1;                   ///< that the network sees of a slice
  nodes::GrayMap gray_levels = {};  ///< of the stack, to those of the training
};

/// Segments slices, and measures some of them for the statistics of later ones, in one or several bursts. A burst is a run of the
/// graph until no slice is ready; the statistics, the snapshots that are due for the next `lag` slices, and slices that wait for
/// their neighbours go over to the next burst. What comes out depends on the order of the slices only, bit for bit, never on how
/// they were cut into bursts. One call at a time.
class SegmentSession {
 public:
  /// Everything that the slices to come depend on. It stands after a slice: what was measured of that slice and
  /// those before it is in it, and nothing of later ones, though they may be under way.
  struct State {
    std::int64_t next = 0;  ///< order of the slice that comes next: 0, 1, 2, … in the order of processing
    nodes::UpdaterState updater;
    nodes::Neighbours::Before
        before;  ///< what the network made of the slices before it, as far as they count for it
  };

  /// A slice is done: segmented, finished, and its sample taken.
  struct Done {
    const nodes::SegmentedSlice& slice;
    const nodes::Update& update;       ///< what its sample led to; update.after is the updater's state then
    nodes::Neighbours::Before before;  ///< what the slice that comes after it needs
  };

  struct Source {
    std::function<std::optional<io::Slice>()> read;  ///< the next slice; nothing ends the burst
    std::function<Place()> place_of_next;            ///< of the slice that read() would give, for errors
  };
  /// Serial, in the order of the slices. When it returns, state() stands after that slice.
  using Sink = std::function<void(const Done&)>;

  /// before: of the estimator. Everything given by reference outlives the session. Throws std::invalid_argument if a rule is out
  /// of its range.
  SegmentSession(const model::Inference& inference, const Plan& plan, const nodes::Normalizer& normalizer,
                 model::Estimator estimator, const nodes::MeasuredBefore& before,
                 const SessionSetting& setting, ThreadTeam& team, RunContext& context);
  SegmentSession(const SegmentSession&) = delete;
  SegmentSession& operator=(const SegmentSession&) = delete;

  /// One burst. Returns the number of slices that were written; others may wait for their neighbours. If it throws (the burst's
  /// first failure, from the source, a node or the sink, or Interrupted), the session stands after the last slice that the sink
  /// has taken, and can go on from there: slices that were under way, or waited, have to be read again.
  std::int64_t run(const Source& source, const Sink& sink);

  /// There will be no more slices: those that wait are written. Fails as run().
  std::int64_t finish(
      const Sink&
          sink);  /// Slices that are segmented and wait for their neighbours: the next one to be read comes so many after state().next. Not to be
  /// called while run() is under way.
  std::int64_t waiting() const { return neighbours_.waiting(); }

  /// After the last slice that the sink has taken. Not to be called while run() is under way; the sink finds
  /// it in what it gets (state_after()).
  const State& state() const { return state_; }

  /// The state after a slice, for the sink.
  static State state_after(const Done& done) {
    return {done.update.order + 1, *done.update.after, done.before};
  }

  /// Goes on from a state, of this session or of another one with the same setting and network. Throws
  /// std::invalid_argument if it does not fit.
  void restore(const State& state);

  const model::Estimator& estimator() const { return updater_.estimator(); }
  /// Updates of the statistics, those of estimates that were given up included.
  std::int64_t batches() const { return updater_.batches(); }
  /// Sets of statistics that slices were, or are to be, segmented with.
  std::int64_t snapshots() const { return updater_.snapshots(); }

 private:
  nodes::StatisticsUpdater::Measure out_of_turn() const;
  void write(const nodes::Finisher::Output& finished, const Sink& sink);
  void start_over();

  const nodes::Normalizer& normalizer_;
  ThreadTeam& team_;
  RunContext& context_;
  const nodes::TileGrid grid_;
  const FlowLimits limits_;
  const nodes::PredictionFormat format_;  // of what the network gives
  const nodes::Scaler scaler_;
  const nodes::Classifier classifier_;
  nodes::WorkerPool workers_;
  const nodes::Tiler tiler_;
  const nodes::Segmenter segmenter_;
  nodes::Stitcher stitcher_;
  const std::optional<nodes::SampleMeasurer> measurer_;
  const nodes::Sampler sampler_;
  nodes::StatisticsUpdater updater_;
  nodes::Neighbours neighbours_;
  const nodes::Finisher finisher_;
  State state_;
};

}  // namespace fibflow::pipeline
