#include "pipeline/options/options.h"

#include <stdexcept>

namespace fibflow::pipeline {

const char* name_of(InputChannels channels) {
  return channels == InputChannels::copies ? "copies" : "slices";
}

const char* name_of(GrayMatch match) {
  return match == GrayMatch::none ? "none" : "histogram";
}

const char* name_of(Recipe recipe) {
  switch (recipe) {
    case Recipe::stream:
      return "stream";
    case Recipe::two_pass:
      return "two-pass";
    case Recipe::none:
      return "none";
  }
  throw std::logic_error("unknown recipe");
}

const char* name_of(NormalizeBy by) {
  return by == NormalizeBy::running ? "running" : "batch";
}

const char* name_of(nodes::Featureless featureless) {
  return featureless == nodes::Featureless::counts ? "count" : "leave-out";
}

const char* name_of(Freeze freeze) {
  switch (freeze) {
    case Freeze::never:
      return "never";
    case Freeze::probe:
      return "probe";
  }
  throw std::logic_error("unknown freeze");
}

const char* name_of(ProbeOrder order) {
  return order == ProbeOrder::spread ? "spread" : "first";
}

const char* name_of(OnDoubt on_doubt) {
  switch (on_doubt) {
    case OnDoubt::keep:
      return "keep";
    case OnDoubt::source:
      return "source";
    case OnDoubt::stop:
      return "stop";
  }
  throw std::logic_error("unknown reaction to doubt");
}

SliceRange SliceRange::within(std::int64_t depth) const {
  const SliceRange resolved{first, end.value_or(depth)};
  if (first < 0 || *resolved.end <= first || *resolved.end > depth) {
    throw std::invalid_argument("slices " + std::to_string(first) + ":" + (end ? std::to_string(*end) : "") +
                                " are not in a stack of " + std::to_string(depth) + " slices");
  }
  return resolved;
}

std::vector<LayerOutput> OutputOptions::layers() const {
  std::vector<LayerOutput> layers;
  if (!mask.empty()) layers.push_back({nodes::Layer::mask, io::PixelType::u8, mask});
  if (!probability.empty()) layers.push_back({nodes::Layer::probability, probability_type, probability});
  return layers;
}

nodes::PredictionFormat prediction_format(double threshold, const std::vector<LayerOutput>& layers) {
  nodes::PredictionFormat format;
  format.threshold = threshold;
  for (const LayerOutput& layer : layers) {
    if (layer.layer != nodes::Layer::mask) format.layers.push_back({layer.layer, layer.type});
  }
  return format;
}

}  // namespace fibflow::pipeline
