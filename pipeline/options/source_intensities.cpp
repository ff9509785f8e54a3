#include "pipeline/options/source_intensities.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string_view>

#include "pipeline/options/number_list.h"

namespace fibflow::pipeline {
namespace {

constexpr int quantile_count = 200;

[[noreturn]] void refuse(const model::Network& network) {
  throw model::ModelError(network.name() + ": metadata fibflow.histogram: it must be " +
                          std::to_string(histogram_bins) +
                          " whole numbers with commas between them, not all 0");
}

std::vector<std::int64_t> histogram_of(const model::Network& network, std::string_view text) {
  constexpr std::int64_t most = 1'000'000'000;
  const auto found = number_list<std::int64_t>(text, histogram_bins);
  const auto is_count = [](std::int64_t count) { return count >= 0 && count <= most; };
  if (!found || found->size() != histogram_bins || !std::ranges::all_of(*found, is_count)) refuse(network);
  if (std::accumulate(found->begin(), found->end(), std::int64_t{0}) == 0) refuse(network);
  return *found;
}

/// Within a bin, evenly.
std::vector<double> quantiles_of(const std::vector<std::int64_t>& histogram) {
  const auto total = static_cast<double>(std::accumulate(histogram.begin(), histogram.end(), 0LL));
  std::vector<double> quantiles;
  std::size_t bin = 0;
  double below = 0;
  for (int i = 0; i < quantile_count; ++i) {
    const double rank = (i + 0.5) / quantile_count * total;
    while (bin + 1 < histogram.size() && below + static_cast<double>(histogram[bin]) < rank)
      below += static_cast<double>(histogram[bin++]);
    const double inside = histogram[bin] > 0 ? (rank - below) / static_cast<double>(histogram[bin]) : 0.5;
    quantiles.push_back((static_cast<double>(bin) + inside) / histogram_bins);
  }
  return quantiles;
}

}  // namespace

std::optional<nodes::SourceIntensities> source_intensities(const model::Network& network,
                                                           const nodes::Normalization& normalization,
                                                           bool of_model) {
  const auto& metadata = network.metadata();
  std::optional<nodes::Normalization> known;
  if (normalization.kind == nodes::Normalization::Kind::zscore) {
    known = normalization;
  } else if (const auto own = metadata.find("fibflow.normalization"); own != metadata.end()) {
    try {
      known = nodes::Normalization::parse(own->second);
    } catch (const std::invalid_argument&) {
      // It is not used: the user says how to normalize.
    }
    of_model = true;
  }
  if (!known || known->kind != nodes::Normalization::Kind::zscore) return std::nullopt;
  const nodes::Normalization numbers = known->of_intensities();
  // zscore:0,1 leaves voxels as they are, and tells nothing.
  if (numbers.first == 0 && numbers.second == 1) return std::nullopt;
  nodes::SourceIntensities source{numbers.first, numbers.second};
  if (of_model) source.quantiles = trained_quantiles(network);
  return source;
}

std::vector<double> trained_quantiles(const model::Network& network) {
  const auto histogram = network.metadata().find("fibflow.histogram");
  if (histogram == network.metadata().end()) return {};
  return quantiles_of(histogram_of(network, histogram->second));
}

std::string histogram_text(const std::vector<std::int64_t>& histogram) {
  std::string text;
  for (const std::int64_t count : histogram) {
    if (!text.empty()) text += ',';
    text += std::to_string(count);
  }
  return text;
}

}  // namespace fibflow::pipeline
