#include "pipeline/report/run_facts.h"

#include <algorithm>
#include <ctime>
#include <fstream>
#include <utility>

#include "model/statistics/drift.h"

namespace fibflow::pipeline {

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

RunReport::Model model_of(const model::Network& network) {
  return {network.name(),           network.producer(),        network.opset(),
          network.input_channels(), network.output_channels(), static_cast<int>(network.batch_norms().size()),
          network.parameters()};
}

RunReport::Tiles tiles_of(const Plan& plan) {
  return {plan.grid.rows(),    plan.grid.columns(),          plan.grid.core_height(), plan.grid.core_width(),
          plan.limits.workers, plan.limits.slices_in_flight, plan.expected_memory,    plan.work};
}

AdaptationSummary adaptation_of(const model::Network& network, const model::Estimator& estimator,
                                const model::Statistics& used) {
  const model::Drift far = model::drift(estimator.source(), used);
  AdaptationSummary summary;
  summary.drift_from_source = far.per_channel;
  summary.layer_drift_from_source = far.layers;
  for (const model::BatchNorm& layer : network.batch_norms()) {
    summary.layer_names.push_back(layer.name);
    summary.layer_channels.push_back(layer.channels);
  }
  return summary;
}

void tell(RunReport& report, const AdaptationStart& start) {
  const AdaptationStart::Findings& findings = start.findings();
  if (!findings.intensity_slices.empty()) {
    const nodes::IntensityMoments intensity = findings.intensity.in(findings.intensities.range);
    report.intensity =
        RunReport::Intensity{intensity.mean, intensity.deviation(), findings.intensity_slices,
                             findings.intensities.range, nodes::name_of(findings.intensities.from)};
  }
  report.match = findings.match;
  if (start.plan()) report.plan = tiles_of(*start.plan());
  report.comparison = findings.comparison;
  report.doubt = findings.doubt;
  report.previews = findings.previews;
  for (std::string& text : start.warnings()) report.warnings.push_back(std::move(text));
}

RunEvent event_of(const AdaptationStart::Verdict& verdict, std::int64_t z) {
  std::string text = "whether adaptation helps, looked at again: " + one_line(verdict.comparison);
  for (const Sign& sign : verdict.signs) text += "; " + sign.text;
  if (verdict.signs.empty()) text += "; nothing speaks against it";
  return {z, verdict.signs.empty() ? event_names::looked_again : event_names::in_doubt, std::move(text)};
}

std::optional<std::string> one_sided(const SliceSums& sums) {
  if (sums.count() == 0) return std::nullopt;
  constexpr double nearly_all = 0.999;
  const SliceSums::Spread foreground = sums.foreground();
  if (foreground.most == 0) {
    return "everything is background, in every slice: nothing was found, or intensities, contrast "
           "(--invert), voxel size or "
           "the kind of tissue are not what the model was trained on";
  }
  if (foreground.least >= nearly_all) {
    return "everything is foreground, in every slice: the output of the model is not what it was taken for "
           "(`fibflow info` on "
           "the model says what that is), or intensities or contrast (--invert) are not what it was trained "
           "on";
  }
  return std::nullopt;
}

std::optional<std::string> changed_meanwhile(const std::vector<std::string>& files) {
  if (files.empty()) return std::nullopt;
  const std::string others =
      files.size() > 1 ? " and " + std::to_string(files.size() - 1) + " other files were" : " was";
  return files.front() + others +
         " changed, replaced or removed while the stack was read: the result may be of both states";
}

std::size_t peak_memory() {
  // getrusage would count the process that it was forked from, too.
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6)) << 10;
  }
  return 0;
}

}  // namespace fibflow::pipeline
