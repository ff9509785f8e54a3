#include "pipeline/live/live_session.h"

#include <algorithm>
#include <utility>

#include "io/memory_stack.h"
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

void LiveSession::begin(const std::vector<io::Slice>& first) {
  io::StackInfo info = slices_;
  for (const io::Slice& slice : first) info.depth = std::max(info.depth, slice.z() + 1);
  io::MemoryStack stack(std::move(info), [&](std::int64_t z) {
    return *std::find_if(first.begin(), first.end(), [&](const io::Slice& slice) { return slice.z() == z; });
  });
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
