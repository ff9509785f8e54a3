#include "pipeline/adapt/segment_session.h"

#include <utility>

#include "nodes/tiles/batch_measurer.h"
#include "pipeline/flow/segment_graph.h"

namespace fibflow::pipeline {

SegmentSession::SegmentSession(const model::Inference& inference, const Plan& plan,
                               const nodes::Normalizer& normalizer, model::Estimator estimator,
                               const SessionSetting& setting, ThreadTeam& team, RunContext& context)
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
      collector_(plan.grid.size()),
      updater_(inference, std::move(estimator), setting.rule,
               reprobe(inference, plan.reprobe, setting.rule.source_share)),
      state_{0, updater_.state()} {
  if (setting.own_statistics) {
    own_statistics_segmenter_.emplace(inference, classifier_, workers_,
                                      team_.loop(limits_.workers, "tile", context_));
  }
}

/// Measures a slice with the workers that segment: it takes them as they come back, and others wait meanwhile.
nodes::StatisticsUpdater::Probe SegmentSession::reprobe(const model::Inference& inference,
                                                        const std::vector<model::Region>& cores,
                                                        double source_share) {
  if (cores.empty()) return {};
  return [this, inference, cores, source_share](const nodes::PreparedSlice& slice) {
    nodes::BatchMeasurer::Input tiles;
    for (const model::Region& core : cores) {
      tiles.push_back({slice, inference.plan(core, model::PlanKind::measured), inference.weights()});
    }
    const nodes::BatchMeasurer measurer(inference.network(), source_share);
    return measurer(tiles, workers_, team_.loop(limits_.workers, "probe tile", context_)).merged;
  };
}

std::int64_t SegmentSession::run(const Source& source, const Sink& sink) {
  const std::int64_t first = state_.next;
  std::int64_t next_to_read = first;
  const SegmentNodes nodes{[&]() -> std::optional<nodes::OrderedSlice> {
                             auto slice = source.read();
                             if (!slice) return std::nullopt;
                             return nodes::OrderedSlice{next_to_read++, *std::move(slice)};
                           },
                           source.place_of_next,
                           normalizer_,
                           tiler_,
                           segmenter_,
                           own_statistics_segmenter_ ? &*own_statistics_segmenter_ : nullptr,
                           stitcher_,
                           collector_,
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
  collector_ = nodes::MomentsCollector(grid_.size());
  updater_.restore(state_.updater);
}

}  // namespace fibflow::pipeline
