#include "pipeline/adapt/adaptation_start.h"

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <utility>

#include "io/error.h"
#include "model/statistics/drift.h"
#include "model/statistics/exact_sums.h"
#include "pipeline/adapt/match_search.h"
#include "pipeline/adapt/patch_adaptation.h"
#include "pipeline/adapt/probe.h"
#include "pipeline/adapt/scaled_stack.h"
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
      estimator_(options.estimator, network.source_statistics()) {
  set_match(stated_match(network, options, slices_.voxel_nm));
}

void AdaptationStart::set_match(Match match) {
  findings_.match = std::move(match);
  const nodes::GridSize grid = nodes::GridSize{slices_.height, slices_.width}.at(findings_.match.scale);
  if (grid == nodes::GridSize{inference_.height(), inference_.width()}) return;
  inference_ = model::Inference(network_, grid.height, grid.width);
}

nodes::Scaler AdaptationStart::scaler() const {
  return nodes::Scaler(
      nodes::Resampler({slices_.height, slices_.width}, {inference_.height(), inference_.width()}),
      gray_map_);
}

/// By the quantiles that were found.
void AdaptationStart::make_gray_map() {
  if (findings_.gray_levels.empty()) return;
  gray_map_ = nodes::GrayMap(slices_.type, findings_.intensities.range, findings_.gray_levels,
                             options_.trained_gray_levels);
}

nodes::Finishing AdaptationStart::finishing() const {
  return pipeline::finishing(options_, inference_, slices_);
}

std::vector<std::string> AdaptationStart::warnings() const {
  const nodes::IntensityMatch& intensities = findings_.intensities;
  std::vector<std::string> texts;
  if (auto doubt = voxel_doubt(network_, options_, findings_.match, slices_.voxel_nm))
    texts.push_back(*std::move(doubt));
  texts.insert(texts.end(), intensities.remarks.begin(), intensities.remarks.end());
  texts.insert(texts.end(), intensities.warnings.begin(), intensities.warnings.end());
  if (findings_.probe_is_blank) {
    texts.emplace_back(
        "the probe's slices show nothing but featureless area: the statistics start at the source's");
  }
  if (findings_.comparison_left_out) {
    texts.emplace_back(
        "the memory budget leaves no room for a comparison with the model as it is: whether adaptation helps "
        "has not been looked at");
  }
  if (findings_.doubt) {
    for (const Sign& sign : findings_.doubt->signs) texts.push_back(sign.text);
  }
  if (findings_.uses_source()) texts.emplace_back("therefore the model is used as it is (--on-doubt source)");
  return texts;
}

void AdaptationStart::match(io::Stack& stack, const std::vector<std::int64_t>& slices) {
  if (is_searched(options_, findings_.match)) {
    // A budget that cannot work is refused before any work is done.
    (void)plan_run(inference_, plan_request(options_, inference_, slices_, {}, std::nullopt));
    context_.begin("match", 0);
    const nodes::GridSize own{slices_.height, slices_.width};
    ScaledStack mapped(stack, nodes::Scaler(nodes::Resampler(own, own), gray_map_));
    set_match(
        search_match(mapped, slices, findings_.match, network_, options_, *normalizer_, team_, context_));
    context_.log("match: " + one_line(findings_.match));
  } else if (!findings_.match.scale.is_one()) {
    context_.log("match: " + one_line(findings_.match));
  }
  if (const auto doubt = voxel_doubt(network_, options_, findings_.match, slices_.voxel_nm))
    context_.log("in doubt: " + *doubt);
  // What a stack's gray levels spread over depends on how fine it is.
  if (!scaler().to_network().changes_nothing() && measures_intensity(options_)) {
    ScaledStack scaled(stack, scaler());
    findings_.intensity = sample_of(scaled, findings_.intensity_slices).moments();
    make_normalizer();
  }
}

void AdaptationStart::plan(const nodes::PredictionFormat& format, std::optional<TileSize> tiles) {
  plan_ = plan_run(inference_, plan_request(options_, inference_, slices_, format, tiles));
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

nodes::IntensitySample AdaptationStart::sample_of(io::Stack& stack, const std::vector<std::int64_t>& slices) {
  nodes::IntensitySample sample;
  for (const std::int64_t z : slices) {
    const io::Slice slice = context_.call("reader", {z}, [&] { return stack.read(z); });
    context_.call("intensity measurement", {z}, [&] {
      sample.add(slice);
      return true;
    });
  }
  return sample;
}

void AdaptationStart::measure_intensity(io::Stack& stack, const std::vector<std::int64_t>& slices) {
  const nodes::IntensitySample sample = sample_of(stack, slices);
  findings_.intensity = sample.moments();
  findings_.intensity_slices = slices;
  findings_.intensities = nodes::match_intensities(
      sample, {slices_.type, slices_.zero, slices_.bits},
      {options_.normalization, options_.normalization_source == "option", options_.intensity_range,
       options_.invert, !options_.trained_gray_levels.empty()},
      options_.source_intensities);
  for (const std::string& remark : findings_.intensities.remarks) context_.log(remark);
  for (const std::string& warning : findings_.intensities.warnings) context_.log("in doubt: " + warning);
  if (!options_.trained_gray_levels.empty()) {
    findings_.gray_levels = sample.quantiles(static_cast<int>(options_.trained_gray_levels.size()));
    make_gray_map();
    ScaledStack mapped(stack, scaler());
    findings_.intensity = sample_of(mapped, slices).moments();
    context_.log("gray levels are matched to the histogram of the model's training");
  }
  const nodes::IntensityMoments intensity = findings_.intensity.in(findings_.intensities.range);
  context_.log(formatted("intensity of %zu slices, %s: mean %.4g, deviation %.4g", slices.size(),
                         findings_.intensities.range.text().c_str(), intensity.mean, intensity.deviation()));
  make_normalizer();
}

void AdaptationStart::make_normalizer() {
  try {
    normalizer_.emplace(options_.normalization, findings_.intensities.range, findings_.intensity,
                        options_.featureless);
  } catch (const std::invalid_argument& blank) {
    throw io::Error(io::ErrorKind::bad_data, slices_.path, blank.what());
  }
  if (options_.recipe == Recipe::two_pass) {
    const auto count = options_.end_slice - options_.first_slice;
    require_patch_memory(patch_memory(network_, on_grid(slices_, scaler().to_network().to()), count),
                         options_.memory);
  }
}

void AdaptationStart::adapt(io::Stack& stack, const std::vector<std::int64_t>& slices) {
  ScaledStack scaled(stack, scaler());
  if (options_.recipe == Recipe::two_pass) two_pass(scaled);
  if (options_.probe > 0) probe(scaled, slices);
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
  const std::vector<model::Moments> measured =
      measure_probe(stack, slices, *normalizer_, inference_, findings_.match.shares.measuring,
                    plan_->probe.value(), team_, context_);
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
  if (findings.gray_levels.size() != options_.trained_gray_levels.size())
    throw std::invalid_argument("the gray levels are not matched to this model's");
  set_match(findings.match);
  findings_ = std::move(findings);
  make_gray_map();
  make_normalizer();
  estimator_.restore(findings_.adapted);
  if (findings_.uses_source()) estimator_ = model::Estimator(options_.estimator, estimator_.source());
}

std::optional<Comparator> AdaptationStart::compared(io::Stack& stack, const std::vector<std::int64_t>& slices,
                                                    const model::Estimator& estimator, bool previews) const {
  auto plan = comparison_plan(options_, inference_, slices_.type, static_cast<int>(slices.size()), previews,
                              plan_ ? std::optional(plan_->expected_memory) : std::nullopt);
  if (!plan) return std::nullopt;
  Comparator comparator(inference_, *normalizer_, *std::move(plan), options_.threshold, previews);
  ScaledStack scaled(stack, scaler());
  comparator.compare(scaled, slices, estimator.source(), used(estimator), team_, context_);
  return comparator;
}

void AdaptationStart::compare(io::Stack& stack, const std::vector<std::int64_t>& slices) {
  if (options_.comparison == 0) return;
  context_.begin("compare", 2 * static_cast<std::int64_t>(slices.size()));
  const auto comparator = compared(stack, slices, estimator_, options_.previews);
  if (!comparator) {
    findings_.comparison_left_out = true;
    return;
  }
  findings_.comparison = comparator->comparison();
  findings_.previews.clear();
  for (const Preview& preview : comparator->previews()) findings_.previews.push_back(encoded(preview));
  context_.log("comparison: " + one_line(*findings_.comparison));
  decide();
}

std::optional<AdaptationStart::Verdict> AdaptationStart::compare_again(
    io::Stack& stack, const std::vector<std::int64_t>& slices, const model::Estimator& estimator) const {
  if (options_.comparison == 0) return std::nullopt;
  const auto comparator = compared(stack, slices, estimator, false);
  if (!comparator) return std::nullopt;
  const Comparison& comparison = comparator->comparison();
  return Verdict{comparison, signs_of(comparison, trained_foreground(network_))};
}

void AdaptationStart::decide() {
  Doubt& doubt = findings_.doubt.emplace(
      Doubt{signs_of(*findings_.comparison, trained_foreground(network_)), options_.on_doubt});
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
                      findings_.uses_source() ? 1 : findings_.match.shares.used);
}

model::Statistics AdaptationStart::used(const model::Estimator::State& state) const {
  model::Estimator estimator(options_.estimator, estimator_.source());
  estimator.restore(state);
  return used(estimator);
}

SegmentSession AdaptationStart::session(const nodes::PredictionFormat& format) const {
  SessionSetting setting = findings_.uses_source()
                               ? source_setting(options_, format, finishing())
                               : session_setting(options_, findings_.match.shares, format, finishing());
  setting.gray_levels = gray_map_;
  return {inference_,
          *plan_,
          *normalizer_,
          estimator_,
          nodes::MeasuredBefore{findings_.probe_slices, usual_distances_},
          setting,
          team_,
          context_};
}

}  // namespace fibflow::pipeline
