#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "io/slice.h"
#include "model/statistics/drift.h"
#include "model/tile/inference.h"
#include "pipeline/adapt/comparison.h"
#include "pipeline/adapt/doubt.h"
#include "pipeline/adapt/segment_session.h"
#include "pipeline/flow/run_context.h"
#include "pipeline/flow/thread_team.h"
#include "pipeline/report/run_report.h"

namespace fibflow::pipeline {

/// A session over slices that nobody has counted: its probe is made of the first ones. From the same slices it makes the
/// same bytes as `segment` does with a probe of the first slices.
class LiveSession {
 public:
  /// Plans for slices of this size. The network and the context outlive the session. Throws as plan_run().
  LiveSession(const model::Network& network, ResolvedOptions options, int height, int width,
              io::PixelType type, nodes::PredictionFormat format, RunContext& context);

  /// How many of the first slices begin() wants; fewer if there will not be more.
  static int slices_to_begin(const ResolvedOptions& options);

  /// Measures intensities and statistics on the first slices, and compares what the network makes of them as it is and
  /// adapted. They still have to be segmented. Throws Doubtful if that is what the options want.
  void begin(const std::vector<io::Slice>& first);

  /// Goes on from where an earlier session stood. uses_source: as the earlier one did.
  void resume(const nodes::IntensityMoments& intensity, bool uses_source, SegmentSession::State state);

  /// After begin() or resume().
  SegmentSession& session() { return *session_; }
  const nodes::IntensityMoments& intensity() const { return intensity_; }
  /// Adaptation was in doubt, and the source's statistics are used instead.
  bool uses_source() const { return uses_source_; }
  /// What begin() saw; nothing if nothing was compared, or after resume().
  const std::optional<Comparison>& comparison() const { return comparison_; }
  const std::optional<Doubt>& doubt() const { return doubt_; }
  const std::vector<Preview>& previews() const { return previews_; }

  const Plan& plan() const { return plan_; }
  /// Per channel: the source's statistics against those that stand after a slice.
  double drift_from_source(const SegmentSession::State& state) const;
  /// Between bursts: what adaptation has done so far, without the probe's slices.
  AdaptationSummary adaptation() const;

 private:
  void make_session(model::Estimator estimator);
  void compare(io::Stack& first, const std::vector<std::int64_t>& numbers, const model::Estimator& estimator);
  void act_on_doubt();
  model::Drift drift(const model::Estimator& estimator) const;

  const model::Network& network_;
  const ResolvedOptions options_;
  const nodes::PredictionFormat format_;
  RunContext& context_;
  const io::PixelType type_;
  model::Inference inference_;
  Plan plan_;
  ThreadTeam team_;
  nodes::IntensityMoments intensity_;
  bool uses_source_ = false;
  std::optional<Comparison> comparison_;
  std::optional<Doubt> doubt_;
  std::vector<Preview> previews_;
  std::optional<nodes::Normalizer> normalizer_;
  std::optional<SegmentSession> session_;
};

}  // namespace fibflow::pipeline
