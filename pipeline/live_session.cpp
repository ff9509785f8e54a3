#include "pipeline/live_session.h"

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <utility>

#include "pipeline/memory_budget.h"
#include "pipeline/probe.h"
#include "pipeline/session_setup.h"

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
  return std::max({1, options.probe, measures_intensity ? intensity_sample_of_first(options.probe) : 0});
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
  normalizer_.emplace(options_.normalization, intensity_);
  model::Estimator estimator(options_.estimator, network_.source_statistics());
  if (options_.probe > 0) {
    SlicesInMemory stack(first);
    std::vector<std::int64_t> numbers;
    for (std::size_t i = 0; i < count(options_.probe); ++i) numbers.push_back(first[i].z());
    const model::Moments moments =
        measure_probe(stack, numbers, *normalizer_, inference_, plan_.probe.value(), team_, context_);
    estimator.start_from(moments, static_cast<double>(numbers.size()));
    context_.log(
        text("probe: %zu slices measured; the source's statistics are at a distance of %.3g per channel",
             numbers.size(), model::drift(estimator.source(), estimator.estimate()).per_channel));
  }
  make_session(std::move(estimator));
}

void LiveSession::resume(const nodes::IntensityMoments& intensity, SegmentSession::State state) {
  intensity_ = intensity;
  normalizer_.emplace(options_.normalization, intensity_);
  make_session(model::Estimator(options_.estimator, network_.source_statistics()));
  session_->restore(std::move(state));
}

void LiveSession::make_session(model::Estimator estimator) {
  session_.emplace(inference_, plan_, *normalizer_, std::move(estimator), session_setting(options_, format_),
                   team_, context_);
}

model::Drift LiveSession::drift(const model::Estimator& estimator) const {
  return model::drift(estimator.source(),
                      model::blend(estimator.estimate(), estimator.source(), options_.source_share));
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
  return summary;
}

}  // namespace fibflow::pipeline
