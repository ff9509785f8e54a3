#include "pipeline/adapt/segment_session.h"

#include <utility>

#include "pipeline/flow/segment_graph.h"

namespace fibflow::pipeline {

namespace {

std::optional<nodes::SampleMeasurer> measurer_of(const model::Inference& inference, const Plan& plan,
                                                 const SessionSetting& setting, const ThreadTeam& team,
                                                 RunContext& context) {
  if (!setting.measures || !plan.measure) return std::nullopt;
  const SamplePlan& measure = *plan.measure;
  return std::optional<nodes::SampleMeasurer>(std::in_place, inference, measure.cores,
                                              setting.rule.source_share, measure.workers, measure.slices,
                                              team.loop(measure.workers, "sample tile", context));
}

}  // namespace

SegmentSession::SegmentSession(const model::Inference& inference, const Plan& plan,
                               const nodes::Normalizer& normalizer, model::Estimator estimator,
                               const nodes::MeasuredBefore& before, const SessionSetting& setting,
                               ThreadTeam& team, RunContext& context)
    : normalizer_(normalizer),
      team_(team),
      context_(context),
      grid_(plan.grid),
      limits_(plan.limits),
      format_(setting.format),
      classifier_(inference.network().output(), inference.network().output_channels(), setting.format),
      workers_(plan.limits.workers),
      tiler_(plan.grid),
      segmenter_(inference, classifier_, workers_),
      stitcher_(plan.grid, setting.format),
      measurer_(measurer_of(inference, plan, setting, team, context)),
      sampler_(measurer_ ? &*measurer_ : nullptr, measurer_ ? plan.every : 0),
      updater_(inference, std::move(estimator), setting.rule, out_of_turn(), before),
      state_{0, updater_.state()} {}

nodes::StatisticsUpdater::Measure SegmentSession::out_of_turn() const {
  if (!measurer_) return {};
  return [this](const nodes::PreparedSlice& slice) { return (*measurer_)(slice); };
}

std::int64_t SegmentSession::run(const Source& source, const Sink& sink) {
  const std::int64_t first = state_.next;
  std::int64_t next_to_read = first;
  const SegmentNodes nodes{[&]() -> std::optional<nodes::OrderedSlice> {
                             auto slice = source.read();
                             if (!slice) return std::nullopt;
                             tiler_.require_size(*slice);
                             return nodes::OrderedSlice{next_to_read++, *std::move(slice)};
                           },
                           source.place_of_next,
                           normalizer_,
                           tiler_,
                           segmenter_,
                           stitcher_,
                           sampler_,
                           updater_,
                           [&](const nodes::SegmentedSlice& slice, const nodes::Update& update) {
                             const Done done{slice, update};
                             sink(done);
                             state_ = state_after(done);
                           }};
  try {
    context_.forget_failure();
    team_.run([&] { run_segment_graph(nodes, first, limits_, context_); });
  } catch (...) {
    start_over();
    throw;
  }
  return state_.next - first;
}

void SegmentSession::restore(const State& state) {
  updater_.restore(state.updater);
  state_ = {state.next, updater_.state()};
}

/// Forgets the slices that were under way.
void SegmentSession::start_over() {
  stitcher_ = nodes::Stitcher(grid_, format_);
  updater_.restore(state_.updater);
}

}  // namespace fibflow::pipeline
