#include "pipeline/live/live_session.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <utility>

#include "pipeline/adapt/probe.h"
#include "pipeline/adapt/session_setup.h"
#include "pipeline/flow/pipeline_error.h"
#include "pipeline/flow/spoken.h"

namespace fibflow::pipeline {
namespace {

template <typename... Values>
std::string text(const char* format, Values... values) {
  char line[512];
  std::snprintf(line, sizeof line, format, values...);
  return line;
}

/// Slices in memory, found by their z.
class SlicesInMemory : public io::Stack {
 public:
  explicit SlicesInMemory(const std::vector<io::Slice>& slices) : slices_(slices) {}

  const io::StackInfo& info() const override { return info_; }
  io::Slice read(std::int64_t z) override {
    const auto found =
        std::find_if(slices_.begin(), slices_.end(), [&](const io::Slice& slice) { return slice.z() == z; });
    if (found == slices_.end()) throw std::out_of_range("slice " + std::to_string(z));
    return *found;
  }

 private:
  const std::vector<io::Slice>& slices_;
  io::StackInfo info_;
};

std::size_t probability_bytes(const nodes::PredictionFormat& format) {
  return format.probability ? io::bytes_per_voxel(*format.probability) : 0;
}

}  // namespace

LiveSession::LiveSession(const model::Network& network, ResolvedOptions options, int height, int width,
                         io::PixelType type, nodes::PredictionFormat format, RunContext& context)
    : network_(network),
      options_(std::move(options)),
      format_(format),
      context_(context),
      type_(type),
      inference_(network, height, width),
      plan_(plan_run(inference_, plan_request(options_, type, probability_bytes(format)))),
      team_(options_.threads) {
  context_.log(
      text("plan: %d x %d tiles of %d x %d pixels, %d workers on %d threads, %d slices in flight, expected "
           "memory %s of %s",
           plan_.grid.rows(), plan_.grid.columns(), plan_.grid.core_height(), plan_.grid.core_width(),
           plan_.limits.workers, options_.threads, plan_.limits.slices_in_flight,
           spoken_memory(plan_.expected_memory).c_str(), spoken_memory(options_.memory).c_str()));
}

int LiveSession::slices_to_begin(const ResolvedOptions& options) {
  const bool measures_intensity = options.normalization.kind == nodes::Normalization::Kind::stack;
  return std::max({1, options.probe, options.comparison,
                   measures_intensity ? intensity_sample_of_first(options.probe) : 0});
}

void LiveSession::begin(const std::vector<io::Slice>& first) {
  const auto count = [&](int wanted) { return std::min(static_cast<std::size_t>(wanted), first.size()); };
  if (options_.normalization.kind == nodes::Normalization::Kind::stack) {
    for (std::size_t i = 0; i < count(intensity_sample_of_first(options_.probe)); ++i) {
      intensity_.merge(nodes::measure_intensity(first[i]));
    }
    context_.log(text("intensity of the first slices: mean %.4g, deviation %.4g", intensity_.mean,
                      intensity_.deviation()));
  }
  normalizer_.emplace(options_.normalization, intensity_, options_.featureless);
  model::Estimator estimator(options_.estimator, network_.source_statistics());
  SlicesInMemory stack(first);
  const auto numbers_of = [&](int wanted) {
    std::vector<std::int64_t> numbers;
    for (std::size_t i = 0; i < count(wanted); ++i) numbers.push_back(first[i].z());
    return numbers;
  };
  if (options_.probe > 0) {
    const std::vector<std::int64_t> numbers = numbers_of(options_.probe);
    const model::Moments moments = measure_probe(stack, numbers, *normalizer_, inference_,
                                                 options_.source_share, plan_.probe.value(), team_, context_);
    if (!estimator.start_from(moments, static_cast<double>(numbers.size()))) {
      context_.log(
          "the first slices show nothing but featureless area: the statistics start at the source's");
    }
    context_.log(
        text("probe: %zu slices measured; the source's statistics are at a distance of %.3g per channel",
             numbers.size(), model::drift(estimator.source(), estimator.estimate()).per_channel));
  }
  if (options_.comparison > 0) compare(stack, numbers_of(options_.comparison), estimator);
  if (uses_source_) estimator = model::Estimator(options_.estimator, network_.source_statistics());
  make_session(std::move(estimator));
}

/// As a run over a stack does, so that both come to the same verdict.
void LiveSession::compare(io::Stack& first, const std::vector<std::int64_t>& numbers,
                          const model::Estimator& estimator) {
  auto plan = comparison_plan(options_, inference_, type_, static_cast<int>(numbers.size()), true,
                              plan_.expected_memory);
  if (!plan) {
    context_.log("the memory budget leaves no room for a comparison with the model as it is");
    return;
  }
  Comparator comparator(inference_, *normalizer_, *std::move(plan), options_.threshold, true);
  comparator.compare(first, numbers, estimator.source(),
                     model::blend(estimator.estimate(), estimator.source(), options_.source_share), team_,
                     context_);
  comparison_ = comparator.comparison();
  previews_ = comparator.previews();
  context_.log("comparison: " + one_line(*comparison_));
  act_on_doubt();
}

void LiveSession::act_on_doubt() {
  doubt_.emplace(Doubt{signs_before(*comparison_), options_.on_doubt});
  if (!doubt_->doubtful()) return;
  switch (options_.on_doubt) {
    case OnDoubt::keep:
      doubt_->action = DoubtAction::warned;
      break;
    case OnDoubt::source:
      doubt_->action = DoubtAction::source_used;
      uses_source_ = true;
      break;
    case OnDoubt::stop: {
      doubt_->action = DoubtAction::stopped;
      auto report = std::make_shared<RunReport>();
      report->command = "watch";
      report->options = options_;
      report->comparison = comparison_;
      report->doubt = doubt_;
      throw Doubtful("stopped before the segmentation, because adaptation does not seem to help: " +
                         doubt_->signs.front().text,
                     std::move(report));
    }
  }
}

void LiveSession::resume(const nodes::IntensityMoments& intensity, bool uses_source,
                         SegmentSession::State state) {
  intensity_ = intensity;
  uses_source_ = uses_source;
  normalizer_.emplace(options_.normalization, intensity_, options_.featureless);
  make_session(model::Estimator(options_.estimator, network_.source_statistics()));
  session_->restore(std::move(state));
}

void LiveSession::make_session(model::Estimator estimator) {
  const SessionSetting setting =
      uses_source_ ? source_setting(options_, format_) : session_setting(options_, format_);
  session_.emplace(inference_, plan_, *normalizer_, std::move(estimator), setting, team_, context_);
}

model::Drift LiveSession::drift(const model::Estimator& estimator) const {
  return model::drift(estimator.source(), model::blend(estimator.estimate(), estimator.source(),
                                                       uses_source_ ? 1 : options_.source_share));
}

double LiveSession::drift_from_source(const SegmentSession::State& state) const {
  model::Estimator estimator(options_.estimator, network_.source_statistics());
  estimator.restore(state.updater.estimator);
  return drift(estimator).per_channel;
}

AdaptationSummary LiveSession::adaptation() const {
  const model::Drift far = drift(session_->estimator());
  AdaptationSummary summary;
  summary.batches = session_->batches();
  summary.frozen_after = session_->frozen_after();
  summary.drift_from_source = far.per_channel;
  summary.layer_drift_from_source = far.layers;
  for (const model::BatchNorm& layer : network_.batch_norms()) {
    summary.layer_names.push_back(layer.name);
    summary.layer_channels.push_back(layer.channels);
  }
  return summary;
}

}  // namespace fibflow::pipeline
