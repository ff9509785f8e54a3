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
                                              setting.measuring_share, measure.workers, measure.slices,
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
      format_(
          nodes::format_of_network(setting.format, inference.network().output_channels(), setting.finishing)),
      scaler_(nodes::Resampler(setting.finishing.stack, setting.finishing.network), setting.gray_levels),
      classifier_(inference.network().output(), inference.network().output_channels(), format_),
      workers_(plan.limits.workers),
      tiler_(plan.grid),
      segmenter_(inference, classifier_, workers_, setting.copies),
      stitcher_(plan.grid, format_),
      measurer_(measurer_of(inference, plan, setting, team, context)),
      sampler_(measurer_ ? &*measurer_ : nullptr, measurer_ ? plan.every : 0),
      updater_(inference, std::move(estimator), setting.rule, out_of_turn(), before),
      neighbours_(setting.finishing.reach()),
      finisher_(setting.finishing, setting.format, inference.network().output_channels()),
      state_{0, updater_.state(), {}} {}

nodes::StatisticsUpdater::Measure SegmentSession::out_of_turn() const {
  if (!measurer_) return {};
  return [this](const nodes::PreparedSlice& slice) { return (*measurer_)(slice); };
}

void SegmentSession::write(const nodes::Finisher::Output& finished, const Sink& sink) {
  const auto& [slice, around] = finished;
  const Done done{slice, around.update, neighbours_.before_next(around)};
  sink(done);
  state_ = state_after(done);
}

std::int64_t SegmentSession::run(const Source& source, const Sink& sink) {
  const std::int64_t written = state_.next;
  const std::int64_t first = written + neighbours_.waiting();
  std::int64_t next_to_read = first;
  const SegmentNodes nodes{[&]() -> std::optional<nodes::OrderedSlice> {
                             auto slice = source.read();
                             if (!slice) return std::nullopt;
                             scaler_.require_size(*slice);
                             return nodes::OrderedSlice{next_to_read++, *std::move(slice)};
                           },
                           source.place_of_next,
                           scaler_,
                           normalizer_,
                           tiler_,
                           segmenter_,
                           stitcher_,
                           sampler_,
                           updater_,
                           neighbours_,
                           finisher_,
                           [&](const nodes::Finisher::Output& finished) { write(finished, sink); }};
  try {
    context_.forget_failure();
    team_.run([&] { run_segment_graph(nodes, first, limits_, context_); });
  } catch (...) {
    start_over();
    throw;
  }
  return state_.next - written;
}

std::int64_t SegmentSession::finish(const Sink& sink) {
  const std::int64_t written = state_.next;
  try {
    context_.forget_failure();
    for (const nodes::Neighbourhood& around : neighbours_.finish()) {
      const auto finished = context_.call("finisher", {around.z()}, [&] { return finisher_(around); });
      context_.call("writer", {around.z()}, [&] { return write(finished, sink), true; });
    }
  } catch (...) {
    start_over();
    throw;
  }
  return state_.next - written;
}

void SegmentSession::restore(const State& state) {
  updater_.restore(state.updater);
  neighbours_.restore(state.before);
  state_ = {state.next, updater_.state(), state.before};
}

/// Forgets the slices that were under way.
void SegmentSession::start_over() {
  stitcher_ = nodes::Stitcher(grid_, format_);
  updater_.restore(state_.updater);
  neighbours_.restore(state_.before);
}

}  // namespace fibflow::pipeline
