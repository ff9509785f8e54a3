#include "pipeline/adapt/adaptation_start.h"

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <utility>

#include "io/error.h"
#include "model/statistics/drift.h"
#include "model/statistics/exact_sums.h"
#include "pipeline/adapt/patch_adaptation.h"
#include "pipeline/adapt/probe.h"
#include "pipeline/adapt/session_setup.h"
#include "pipeline/flow/spoken.h"

namespace fibflow::pipeline {
namespace {

/// Slices whose intensities are measured for the normalization `stack`, where they are spread over it.
constexpr int intensity_slices = 16;
/// And for any other: to see how they are meant.
constexpr int looked_at = 3;

/// Distance of slices, per channel of a layer, that a probe spread over a stack can show to be usual. Slices of one acquisition
/// are closer to each other as a rule; where they are not, it changes between them, and that is to be followed.
constexpr double most_usual = 1.5e-3;

bool measures_intensity(const ResolvedOptions& options) {
  return options.normalization.kind == nodes::Normalization::Kind::stack;
}

/// How far each of some slices is from what the others have in common, per channel of each layer.
std::vector<std::vector<double>> distances_from_others(const std::vector<model::Moments>& slices,
                                                       const model::Statistics& source) {
  std::vector<model::ExactSums> each;
  std::vector<model::Statistics> own;
  model::ExactSums all;
  for (const model::Moments& moments : slices) {
    if (!moments.complete()) continue;
    own.push_back(moments.statistics());
    all.merge(each.emplace_back(model::ExactSums::of(moments, source)));
  }
  std::vector<std::vector<double>> distances;
  if (each.size() < 2) return distances;
  for (std::size_t i = 0; i < each.size(); ++i) {
    model::ExactSums others = all;
    others.subtract(each[i]);
    distances.push_back(model::drift(own[i], others.moments(source).statistics()).layers_per_channel);
  }
  return distances;
}

void cut(std::vector<std::vector<double>>& distances, double most) {
  for (std::vector<double>& of_slice : distances) {
    for (double& distance : of_slice) distance = std::min(distance, most);
  }
}

}  // namespace

StartSlices StartSlices::of(SliceRange range, const ResolvedOptions& options) {
  const bool first = options.probe_order == ProbeOrder::first;
  const auto some = [&](int count) {
    return first ? first_slices(range, count) : spread_slices(range, count);
  };
  const int measured = first ? wanted(options) : looked_at;
  return {some(measures_intensity(options) && !first ? intensity_slices : measured), some(options.probe),
          some(options.comparison)};
}

int StartSlices::wanted(const ResolvedOptions& options) {
  return std::max({1, options.probe, options.comparison,
                   measures_intensity(options) ? intensity_sample_of_first(options.probe) : 0});
}

AdaptationStart::AdaptationStart(const model::Network& network, const ResolvedOptions& options,
                                 io::StackInfo slices, ThreadTeam& team, RunContext& context)
    : network_(network),
      options_(options),
      slices_(std::move(slices)),
      team_(team),
      context_(context),
      inference_(network, slices_.height, slices_.width),
      estimator_(options.estimator, network.source_statistics()) {}

std::vector<std::string> AdaptationStart::Findings::warnings() const {
  std::vector<std::string> texts = match.remarks;
  texts.insert(texts.end(), match.warnings.begin(), match.warnings.end());
  if (probe_is_blank) {
    texts.emplace_back(
        "the probe's slices show nothing but featureless area: the statistics start at the source's");
  }
  if (comparison_left_out) {
    texts.emplace_back(
        "the memory budget leaves no room for a comparison with the model as it is: whether adaptation helps "
        "has not been looked at");
  }
  if (const auto signs = doubt_at_the_end()) {
    for (const Sign& sign : signs->signs) texts.push_back(sign.text);
  }
  if (uses_source()) texts.emplace_back("therefore the model is used as it is (--on-doubt source)");
  return texts;
}

std::optional<Doubt> AdaptationStart::Findings::doubt_at_the_end() const {
  std::optional<Doubt> now = doubt;
  if (!now || !comparison || now->action == DoubtAction::source_used || now->action == DoubtAction::stopped)
    return now;
  for (Sign& sign : signs_after(*comparison)) {
    now->signs.push_back(std::move(sign));
    now->action = DoubtAction::warned;
  }
  return now;
}

void AdaptationStart::plan(std::size_t layer_bytes, std::optional<TileSize> tiles) {
  plan_ = plan_run(inference_, plan_request(options_, slices_, layer_bytes, tiles));
  log_plan();
}

void AdaptationStart::log_plan() const {
  const Plan& plan = *plan_;
  context_.log(formatted(
      "plan: %d x %d tiles of %d x %d pixels (%.2f times the work of whole slices), %d workers on %d "
      "threads, %d slices in flight, expected memory %s of %s",
      plan.grid.rows(), plan.grid.columns(), plan.grid.core_height(), plan.grid.core_width(), plan.work,
      plan.limits.workers, options_.threads, plan.limits.slices_in_flight,
      spoken_memory(plan.expected_memory).c_str(), spoken_memory(options_.memory).c_str()));
  if (plan.measure) {
    context_.log(
        formatted("a sample of %s is measured for the statistics",
                  plan.every == 1 ? "each slice" : formatted("one of %d slices", plan.every).c_str()));
  }
  const auto computes_again = [](const std::optional<SamplePlan>& sample) {
    return sample && sample->workers < static_cast<int>(sample->cores.size());
  };
  if (computes_again(plan.probe) || computes_again(plan.measure))
    context_.log("the budget is small: what is measured is computed again for each layer");
  if (plan.useful_threads < options_.threads) {
    context_.log(
        formatted("only %d of %d threads can be busy: more memory or smaller tiles (--tile) would use more",
                  plan.useful_threads, options_.threads));
  }
}

void AdaptationStart::measure_intensity(io::Stack& stack, const std::vector<std::int64_t>& slices) {
  nodes::IntensitySample sample;
  for (const std::int64_t z : slices) {
    const io::Slice slice = context_.call("reader", {z}, [&] { return stack.read(z); });
    context_.call("intensity measurement", {z}, [&] {
      sample.add(slice);
      return true;
    });
  }
  findings_.intensity = sample.moments();
  findings_.intensity_slices = slices;
  findings_.match =
      nodes::match_intensities(sample, {slices_.type, slices_.zero, slices_.bits},
                               {options_.normalization, options_.normalization_source == "option",
                                options_.intensity_range, options_.invert},
                               options_.source_intensities);
  for (const std::string& remark : findings_.match.remarks) context_.log(remark);
  for (const std::string& warning : findings_.match.warnings) context_.log("in doubt: " + warning);
  const nodes::IntensityMoments intensity = findings_.intensity.in(findings_.match.range);
  context_.log(formatted("intensity of %zu slices, %s: mean %.4g, deviation %.4g", slices.size(),
                         findings_.match.range.text().c_str(), intensity.mean, intensity.deviation()));
  make_normalizer();
}

void AdaptationStart::make_normalizer() {
  try {
    normalizer_.emplace(options_.normalization, findings_.match.range, findings_.intensity,
                        options_.featureless);
  } catch (const std::invalid_argument& blank) {
    throw io::Error(io::ErrorKind::bad_data, slices_.path, blank.what());
  }
  if (options_.recipe == Recipe::two_pass) {
    const auto count = options_.end_slice - options_.first_slice;
    require_patch_memory(patch_memory(network_, slices_, count), options_.memory);
  }
}

void AdaptationStart::adapt(io::Stack& stack, const std::vector<std::int64_t>& slices) {
  if (options_.recipe == Recipe::two_pass) two_pass(stack);
  if (options_.probe > 0) probe(stack, slices);
  findings_.adapted = estimator_.state();
}

void AdaptationStart::two_pass(io::Stack& stack) {
  const SliceRange range{options_.first_slice, options_.end_slice};
  context_.begin("adapt", range.size());
  const PatchAdaptation adaptation{options_.normalize_by, options_.source_share, options_.memory};
  adapt_over_patches(stack, range, *normalizer_, network_, adaptation, estimator_, team_, context_);
  context_.log("adapted on " + std::to_string(estimator_.batches()) + " batches of patches");
}

void AdaptationStart::probe(io::Stack& stack, const std::vector<std::int64_t>& slices) {
  context_.begin("probe", static_cast<std::int64_t>(slices.size()));
  const std::vector<model::Moments> measured = measure_probe(
      stack, slices, *normalizer_, inference_, options_.source_share, plan_->probe.value(), team_, context_);
  if (options_.only_measures) {
    for (const model::Moments& moments : measured) estimator_.update(moments, 1);
    findings_.probe_is_blank = estimator_.batches() == 0;
  } else {
    findings_.probe_is_blank = !estimator_.start_from(measured);
  }
  findings_.probe_slices = slices;
  usual_distances_ = distances_from_others(measured, estimator_.source());
  if (options_.probe_order == ProbeOrder::spread) cut(usual_distances_, most_usual);
  context_.log(
      formatted("probe: %zu slices measured; the source's statistics are at a distance of %.3g per channel",
                slices.size(), model::drift(estimator_.source(), estimator_.estimate()).per_channel));
}

void AdaptationStart::restore(Findings findings) {
  findings_ = std::move(findings);
  make_normalizer();
  estimator_.restore(findings_.adapted);
  if (findings_.uses_source()) estimator_ = model::Estimator(options_.estimator, estimator_.source());
}

void AdaptationStart::compare(io::Stack& stack, const std::vector<std::int64_t>& slices,
                              const std::optional<Comparison>& before) {
  if (options_.comparison == 0) return;
  auto plan =
      comparison_plan(options_, inference_, slices_.type, static_cast<int>(slices.size()), options_.previews,
                      plan_ ? std::optional(plan_->expected_memory) : std::nullopt);
  if (!plan) {
    findings_.comparison_left_out = true;
    return;
  }
  context_.begin("compare", 2 * static_cast<std::int64_t>(slices.size()));
  comparator_.emplace(inference_, *normalizer_, *std::move(plan), options_.threshold, options_.previews);
  comparator_->compare(stack, slices, estimator_.source(), used(estimator_), team_, context_);
  if (before) {
    for (const SliceComparison& slice : before->slices) {
      if (slice.written_agreement) comparator_->was_written(slice.z, *slice.written_agreement);
    }
  }
  findings_.comparison = comparator_->comparison();
  findings_.previews.clear();
  for (const Preview& preview : comparator_->previews()) findings_.previews.push_back(encoded(preview));
  context_.log("comparison: " + one_line(*findings_.comparison));
  decide();
}

void AdaptationStart::was_written(const io::Slice& mask) {
  if (!comparator_) return;
  comparator_->was_written(mask);
  findings_.comparison = comparator_->comparison();
}

void AdaptationStart::decide() {
  Doubt& doubt = findings_.doubt.emplace(Doubt{signs_before(*findings_.comparison), options_.on_doubt});
  if (!doubt.doubtful()) return;
  for (const Sign& sign : doubt.signs) context_.log("in doubt: " + sign.text);
  switch (options_.on_doubt) {
    case OnDoubt::keep:
      doubt.action = DoubtAction::warned;
      break;
    case OnDoubt::source:
      doubt.action = DoubtAction::source_used;
      estimator_ = model::Estimator(options_.estimator, estimator_.source());
      context_.log("the model is used as it is");
      break;
    case OnDoubt::stop:
      doubt.action = DoubtAction::stopped;
      break;
  }
}

const char* AdaptationStart::adaptation() const {
  if (options_.recipe == Recipe::none || findings_.uses_source()) return "none";
  return is_frozen(options_) ? "frozen" : "adapting";
}

std::optional<std::string> AdaptationStart::stopped() const {
  if (!findings_.doubt || findings_.doubt->action != DoubtAction::stopped) return std::nullopt;
  return "stopped before the segmentation, because adaptation does not seem to help: " +
         findings_.doubt->signs.front().text;
}

model::Statistics AdaptationStart::used(const model::Estimator& estimator) const {
  return model::blend(estimator.estimate(), estimator.source(),
                      findings_.uses_source() ? 1 : options_.source_share);
}

model::Statistics AdaptationStart::used(const model::Estimator::State& state) const {
  model::Estimator estimator(options_.estimator, estimator_.source());
  estimator.restore(state);
  return used(estimator);
}

SegmentSession AdaptationStart::session(const nodes::PredictionFormat& format) const {
  return {inference_,
          *plan_,
          *normalizer_,
          estimator_,
          nodes::MeasuredBefore{findings_.probe_slices, usual_distances_},
          findings_.uses_source() ? source_setting(options_, format) : session_setting(options_, format),
          team_,
          context_};
}

}  // namespace fibflow::pipeline
