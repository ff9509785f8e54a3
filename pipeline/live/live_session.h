#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "io/memory_stack.h"
#include "io/slice.h"
#include "io/stack.h"
#include "model/tile/network.h"
#include "nodes/tiles/classifier.h"
#include "pipeline/adapt/adaptation_start.h"
#include "pipeline/adapt/segment_session.h"
#include "pipeline/flow/run_context.h"
#include "pipeline/flow/thread_team.h"
#include "pipeline/options/resolved_options.h"
#include "pipeline/report/run_state.h"

namespace fibflow::pipeline {

/// A start and a session over slices that nobody has counted: what a run over a stack does, with the first slices instead of
/// those that are spread over it. So both make the same bytes of the same slices. One thread at a time.
class LiveSession {
 public:
  /// slices: what they are like; its path stands in messages. Everything given by reference outlives it. Throws as
  /// AdaptationStart.
  LiveSession(const model::Network& network, const ResolvedOptions& options, io::StackInfo slices,
              nodes::PredictionFormat format, RunContext& context);

  /// Looks at the first slices, which still have to be segmented: StartSlices::wanted() of them, or fewer if there will not
  /// be more. Throws as AdaptationStart, and Doubtful if the options say to stop then.
  void begin(const std::vector<io::Slice>& first);

  /// Looks again whether adaptation helps, at slices that are to come, with the estimate as it stands. Throws as
  /// AdaptationStart::compare_again().
  std::optional<AdaptationStart::Verdict> look_again(const std::vector<io::Slice>& next);

  /// Goes on from where an earlier session stood. Throws as AdaptationStart::restore() and plan().
  void resume(const RunState& state, std::vector<EncodedPreview> previews);

  /// After begin() or resume().
  SegmentSession& session() { return *session_; }
  const AdaptationStart& start() const { return start_; }

  /// Per channel: the source's statistics against those in use after a slice.
  double drift_from_source(const SegmentSession::State& state) const;

 private:
  io::MemoryStack stack_of(const std::vector<io::Slice>& there) const;

  const ResolvedOptions& options_;
  const io::StackInfo slices_;
  const nodes::PredictionFormat format_;
  ThreadTeam team_;
  AdaptationStart start_;
  std::unique_ptr<SegmentSession> session_;
};

}  // namespace fibflow::pipeline
