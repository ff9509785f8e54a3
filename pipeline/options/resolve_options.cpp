#include "pipeline/options/resolve_options.h"

#include <charconv>
#include <cmath>
#include <stdexcept>

#include "model/error.h"
#include "nodes/statistics/drift_monitor.h"
#include "pipeline/flow/memory_budget.h"
#include "pipeline/options/source_intensities.h"

namespace fibflow::pipeline {
namespace {

void require(bool holds, const std::string& message) {
  if (!holds) throw std::invalid_argument(message);
}

void resolve_normalization(const InputOptions& input, const model::Network& network,
                           ResolvedOptions& resolved) {
  const auto found = network.metadata().find("fibflow.normalization");
  if (input.normalization) {
    resolved.normalization = *input.normalization;
    resolved.normalization_source = "option";
  } else if (found != network.metadata().end()) {
    try {
      resolved.normalization = nodes::Normalization::parse(found->second);
    } catch (const std::invalid_argument& error) {
      throw model::ModelError(network.name() + ": metadata fibflow.normalization: " + error.what());
    }
    resolved.normalization_source = "model";
  } else if (network.input_gray_levels() > 1) {
    // It takes gray levels, and normalizes them itself.
    resolved.normalization = {nodes::Normalization::Kind::zscore, 0, 1 / network.input_gray_levels()};
    resolved.normalization_source = "model's input";
  } else {
    resolved.normalization_source = "default";
  }
}

GrayMatch gray_match(const InputOptions& input, const model::Network& network) {
  if (input.match) return *input.match;
  const auto found = network.metadata().find("fibflow.match");
  if (found == network.metadata().end() || found->second == name_of(GrayMatch::none)) return GrayMatch::none;
  if (found->second == name_of(GrayMatch::histogram)) return GrayMatch::histogram;
  throw model::ModelError(network.name() + ": metadata fibflow.match: '" + found->second +
                          "' is neither none nor histogram");
}

void resolve_intensities(const InputOptions& input, const model::Network& network,
                         ResolvedOptions& resolved) {
  resolve_normalization(input, network, resolved);
  require(!input.intensity_range || input.intensity_range->black != input.intensity_range->white,
          "the voxels that are black and white cannot be the same");
  resolved.intensity_range = input.intensity_range;
  resolved.invert = input.invert;
  if (gray_match(input, network) == GrayMatch::histogram) {
    resolved.trained_gray_levels = trained_quantiles(network);
    if (resolved.trained_gray_levels.empty()) {
      throw model::ModelError(
          network.name() +
          ": gray levels cannot be matched, for the model does not say those of its training (metadata "
          "fibflow.histogram): fibflow train writes it, and tools/export_onnx.py from --images; or --match "
          "none");
    }
  }
  if (resolved.normalization_source == "model's input") return;
  resolved.source_intensities =
      source_intensities(network, resolved.normalization, resolved.normalization_source == "model");
}

void resolve_threshold(const OutputOptions& output, const model::Network& network,
                       ResolvedOptions& resolved) {
  if (network.output_channels() > 1) {
    require(!output.threshold, "a threshold has no meaning for this model: it has " +
                                   std::to_string(network.output_channels()) +
                                   " output channels, and the mask is the strongest one");
    resolved.threshold_source = "unused";
    return;
  }
  const auto found = network.metadata().find("fibflow.threshold");
  if (output.threshold) {
    resolved.threshold = *output.threshold;
    resolved.threshold_source = "option";
    require(resolved.threshold >= 0 && resolved.threshold <= 1, "the threshold must lie in [0, 1]");
  } else if (found != network.metadata().end()) {
    const std::string& text = found->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), resolved.threshold);
    if (error != std::errc() || end != text.data() + text.size() ||
        !(resolved.threshold >= 0 && resolved.threshold <= 1)) {
      throw model::ModelError(network.name() + ": metadata fibflow.threshold: '" + text +
                              "' is not a number in [0, 1]");
    }
    resolved.threshold_source = "model";
  } else {
    resolved.threshold_source = "default";
  }
}

void resolve_adaptation(const AdaptationOptions& given, const model::Network& network,
                        ResolvedOptions& resolved) {
  const bool stream = given.recipe == Recipe::stream;
  const double share = given.source_share.value_or(0.25);
  require(share >= 0 && share <= 1, "the source share must lie in [0, 1]");
  // For each slice of the lag a snapshot is kept, and copied with each slice.
  require(given.lag >= 1 && given.lag <= 1000, "the lag must be 1 to 1000 slices");
  require(given.probe.value_or(0) >= 0, "the probe cannot have a negative number of slices");
  require(given.probe.value_or(0) == 0 || stream, "only the recipe stream has a probe");
  require(given.freeze == Freeze::never || stream, "only the recipe stream can freeze its statistics");
  require(given.normalize_by == NormalizeBy::batch || given.recipe == Recipe::two_pass,
          "only the recipe two-pass can measure under running statistics");
  require(!given.measure_every || stream, "only the recipe stream measures slices on the way");
  require(given.measure_every.value_or(1) >= 1, "one of at least 1 slice is measured");
  require(std::isfinite(given.renewal) && given.renewal >= 0, "the drift of a renewal cannot be negative");
  if (given.recipe != Recipe::none && network.batch_norms().empty()) {
    throw model::ModelError(network.name() + ": the model has no BatchNormalization layers to adapt: " +
                            model::export_hint + "; or segment with --recipe none");
  }
  resolved.recipe = given.recipe;
  resolved.estimator = given.estimator;
  resolved.source_share = given.recipe == Recipe::none ? 0 : share;
  resolved.source_share_is_given = given.source_share.has_value();
  resolved.normalize_by = given.normalize_by;
  resolved.featureless = given.recipe == Recipe::none ? nodes::Featureless::counts : given.featureless;
  resolved.freeze = given.freeze;
  resolved.measure_every = given.measure_every;
  resolved.renewal = given.renewal;
  (void)nodes::DriftMonitor(given.monitor);  // throws if it is out of its range
  resolved.monitor = given.monitor;
  resolved.probe = given.probe.value_or(stream ? 3 : 0);
  resolved.probe_order = given.probe_order;
  resolved.lag = given.lag;
  require(given.freeze == Freeze::never || !given.measure_every,
          "nothing is measured on the way where statistics are frozen after the probe");
  require(given.freeze != Freeze::probe || resolved.probe > 0, "freezing after the probe needs a probe");
  const bool adapts_first = given.recipe == Recipe::two_pass || resolved.probe > 0;
  require(given.comparison.value_or(0) >= 0, "a negative number of slices cannot be compared");
  require(given.comparison.value_or(0) == 0 || adapts_first,
          "nothing is adapted before the segmentation that could be compared with the source");
  resolved.comparison = given.comparison.value_or(adapts_first ? 3 : 0);
  resolved.on_doubt = given.on_doubt;
  resolved.previews = given.previews;
  require(given.on_doubt == OnDoubt::keep || resolved.comparison > 0,
          "without a comparison with the source there is no doubt to act on");
}

void resolve_grid(const InputOptions& input, const OutputOptions& output, const io::VoxelSize& voxel_nm,
                  ResolvedOptions& resolved) {
  constexpr double most = 8;
  require(!input.scale || (*input.scale > 0 && *input.scale <= most), "the scale must lie in (0, 8]");
  resolved.scale = input.scale;
  require(output.copies == 1 || output.copies == 2 || output.copies == 4,
          "a slice is seen 1, 2 or 4 times: as it is, and mirrored");
  resolved.copies = output.copies;
  const ZSmoothing& smoothing = output.smoothing;
  require(std::isfinite(smoothing.width) && smoothing.width >= 0,
          "the width of smoothing over z cannot be negative");
  require(!smoothing.in_nanometres || voxel_nm.z > 0 || smoothing.width == 0,
          "smoothing over z is said in nanometres, but not how thick a slice is: say that with --voxel-size, "
          "or the width in slices");
  resolved.smoothing =
      smoothing.in_nanometres && smoothing.width > 0 ? smoothing.width / voxel_nm.z : smoothing.width;
  // What is much thinner than a slice changes nothing.
  constexpr double least = 0.2;
  constexpr double widest = 16;
  if (resolved.smoothing < least) resolved.smoothing = 0;
  require(resolved.smoothing <= widest, "smoothing over z by more than 16 slices leaves nothing of them");
}

void resolve_channels(const InputOptions& input, const model::Network& network, ResolvedOptions& resolved) {
  resolved.neighbours = neighbouring_slices(input, network);
  const std::string channels = std::to_string(network.input_channels());
  if (network.input_channels() == 1) return;
  resolved.channels_remark = "the model wants " + channels + " channels: " +
                             (resolved.neighbours > 1 ? "each slice is given to it among its neighbours"
                                                      : "each slice is given to it " + channels + " times");
}

}  // namespace

int neighbouring_slices(const InputOptions& input, const model::Network& network) {
  const int channels = network.input_channels();
  if (channels == 1) return 1;
  const auto found = network.metadata().find("fibflow.input");
  const std::string said = input.channels                      ? name_of(*input.channels)
                           : found == network.metadata().end() ? (channels == 3 ? "copies" : "")
                                                               : found->second;
  if (said == "copies") return 1;
  const std::string wants = network.name() + ": the model wants " + std::to_string(channels) + " channels";
  if (said == "slices") {
    if (channels % 2 == 0) throw model::ModelError(wants + ": neighbouring slices are an odd number");
    return channels;
  }
  throw model::ModelError(
      wants + (said.empty() ? "" : ", \"" + said + "\" by its metadata fibflow.input") +
      ": --input slices gives it neighbouring slices (2.5-D), --input copies the same slice in each");
}

ResolvedOptions resolve_options(const InputOptions& input, const AdaptationOptions& adaptation,
                                const OutputOptions& output, const ResourceOptions& resources,
                                const io::StackInfo& stack, const model::Network& network) {
  network.require_segmentation();
  ResolvedOptions resolved;
  const SliceRange range = input.slices.within(stack.depth);
  resolved.first_slice = range.first;
  resolved.end_slice = *range.end;
  resolve_intensities(input, network, resolved);
  resolve_channels(input, network, resolved);
  resolve_grid(input, output, stack.voxel_nm, resolved);
  resolve_threshold(output, network, resolved);
  resolve_adaptation(adaptation, network, resolved);
  require(resources.threads >= 0 && resources.threads <= 4096, "the number of threads must lie in [0, 4096]");
  require(resources.tile >= 0, "a tile cannot have a negative size");
  resolved.threads = resources.threads > 0 ? resources.threads : usable_processors();
  resolved.memory = resources.memory > 0 ? resources.memory : default_memory_budget();
  resolved.tile = resources.tile;
  return resolved;
}

}  // namespace fibflow::pipeline
