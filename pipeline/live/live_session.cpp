#include "pipeline/live/live_session.h"

#include <algorithm>
#include <utility>

#include "model/statistics/drift.h"
#include "pipeline/flow/pipeline_error.h"
#include "pipeline/report/run_facts.h"

namespace fibflow::pipeline {
LiveSession::LiveSession(const model::Network& network, const ResolvedOptions& options, io::StackInfo slices,
                         nodes::PredictionFormat format, RunContext& context)
    : options_(options),
      slices_(std::move(slices)),
      format_(std::move(format)),
      team_(options.threads),
      start_(network, options, slices_, team_, context) {}

/// Of slices that are there already; they outlive it.
io::MemoryStack LiveSession::stack_of(const std::vector<io::Slice>& there) const {
  io::StackInfo info = slices_;
  for (const io::Slice& slice : there) info.depth = std::max(info.depth, slice.z() + 1);
  return io::MemoryStack(std::move(info), [&](std::int64_t z) {
    return *std::find_if(there.begin(), there.end(), [&](const io::Slice& slice) { return slice.z() == z; });
  });
}

std::optional<AdaptationStart::Verdict> LiveSession::look_again(const std::vector<io::Slice>& next) {
  io::MemoryStack stack = stack_of(next);
  std::vector<std::int64_t> places;
  for (const io::Slice& slice : next) places.push_back(slice.z());
  return start_.compare_again(stack, places, session_->estimator());
}

void LiveSession::begin(const std::vector<io::Slice>& first) {
  io::MemoryStack stack = stack_of(first);
  StartSlices slices = StartSlices::of({0, static_cast<std::int64_t>(first.size())}, options_);
  for (auto* places : {&slices.intensity, &slices.probe, &slices.comparison}) {
    for (std::int64_t& place : *places) place = first[static_cast<std::size_t>(place)].z();
  }
  start_.measure_intensity(stack, slices.intensity);
  start_.match(stack, slices.probe);
  start_.plan(format_);
  start_.adapt(stack, slices.probe);
  start_.compare(stack, slices.comparison);
  if (const auto reason = start_.stopped()) {
    auto report = std::make_shared<RunReport>();
    report->command = "watch";
    report->options = options_;
    tell(*report, start_);
    throw Doubtful(*reason, std::move(report));
  }
  session_ = std::unique_ptr<SegmentSession>(new SegmentSession(start_.session(format_)));
}

void LiveSession::resume(const RunState& state, std::vector<EncodedPreview> previews) {
  AdaptationStart::Findings findings = state.findings;
  findings.previews = std::move(previews);
  start_.restore(std::move(findings));
  start_.plan(format_, state.tiles);
  session_ = std::unique_ptr<SegmentSession>(new SegmentSession(start_.session(format_)));
  session_->restore(state.session);
}

double LiveSession::drift_from_source(const SegmentSession::State& state) const {
  return model::drift(start_.estimator().source(), start_.used(state.updater.estimator)).per_channel;
}

}  // namespace fibflow::pipeline
