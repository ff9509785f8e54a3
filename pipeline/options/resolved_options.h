#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "nodes/intensity/intensity_match.h"
#include "pipeline/options/options.h"

namespace fibflow::pipeline {

/// Every option of a run with its default filled in.
struct ResolvedOptions {
  Recipe recipe = Recipe::stream;
  model::EstimatorOptions estimator;
  double source_share = 0;
  bool source_share_is_given = false;  ///< else another place of it, or none of it, may be better
  NormalizeBy normalize_by = NormalizeBy::batch;
  nodes::Featureless featureless = nodes::Featureless::counts;
  Freeze freeze = Freeze::never;
  std::optional<int> measure_every;  ///< slices; nothing: to be planned
  double renewal = 0;
  nodes::MonitorRule monitor;
  int probe = 0;  ///< slices
  ProbeOrder probe_order = ProbeOrder::spread;
  bool only_measures =
      false;  ///< the probe's slices are all that there is, and update the estimate one after the other
  int lag = 1;
  int comparison = 0;  ///< slices
  OnDoubt on_doubt = OnDoubt::keep;
  bool previews = false;
  nodes::Normalization normalization;
  std::string normalization_source;                      ///< "option", "model" or "default"
  std::optional<nodes::IntensityRange> intensity_range;  ///< if it was given
  bool invert = false;
  std::optional<nodes::SourceIntensities>
      source_intensities;  ///< what the model was trained on, if it says so
  std::vector<double>
      trained_gray_levels;  ///< quantiles of it, if the stack's are to be matched to them; else none
  double threshold = 0.5;
  std::string threshold_source;  ///< as above, or "unused" for networks with several output channels
  std::optional<double> scale;   ///< if it was given
  double smoothing = 0;          ///< over z, in slices
  int copies = 1;                ///< that the network sees of a slice
  int neighbours = 1;            ///< slices that the network gets for one
  std::string channels_remark;   ///< how a network with several input channels is fed; empty with one
  std::int64_t first_slice = 0;
  std::int64_t end_slice = 0;
  int threads = 1;
  std::size_t memory = 0;  ///< bytes
  int tile = 0;            ///< 0: planned

  GrayMatch gray_match() const {
    return trained_gray_levels.empty() ? GrayMatch::none : GrayMatch::histogram;
  }
};

/// Each option with its value, by its name in the report.
nlohmann::ordered_json json_of(const ResolvedOptions& options);

/// The options that decide the result, on one line: kept in the outputs.
std::string one_line(const ResolvedOptions& options);

}  // namespace fibflow::pipeline
