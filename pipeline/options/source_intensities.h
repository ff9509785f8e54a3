#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/tile/network.h"
#include "nodes/intensity/intensity_match.h"

namespace fibflow::pipeline {

/// Bins of the histogram in a model's metadata.
constexpr int histogram_bins = 256;

/// What the network was trained on, if it can be known: mean and deviation are the numbers of the normalization in use, or
/// of the model's own; the distribution is the metadata "fibflow.histogram" (of_model: the normalization in use is the
/// model's own). Throws model::ModelError if that is no histogram.
std::optional<nodes::SourceIntensities> source_intensities(const model::Network& network,
                                                           const nodes::Normalization& normalization,
                                                           bool of_model);

/// Quantiles of the intensities that the network was trained on: (i + 1/2) / their number, rising; none if it does not say
/// ("fibflow.histogram"). Throws model::ModelError if that is no histogram.
std::vector<double> trained_quantiles(const model::Network& network);

/// "0,17,230": shares of the intensities in 256 equal bins from 0 to 1, in parts of a million.
std::string histogram_text(const std::vector<std::int64_t>& histogram);

}  // namespace fibflow::pipeline
