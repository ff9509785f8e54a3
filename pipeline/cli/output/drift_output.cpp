#include "pipeline/cli/output/drift_output.h"
#include "pipeline/cli/terminal/printable.h"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "pipeline/cli/terminal/text_table.h"
#include "pipeline/options/version.h"

namespace fibflow::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string number(double value) {
  if (std::isinf(value)) return "infinite";
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

Json finite(double value) {
  return std::isfinite(value) ? Json(value) : Json();
}

std::string percent(double part, double whole) {
  if (!std::isfinite(whole) || whole <= 0) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.0f %%", 100 * part / whole);
  return text;
}

/// "2 channels (3, 7)", at most the first five by their numbers.
std::string listed(const std::vector<std::size_t>& channels) {
  std::string text = std::to_string(channels.size()) + (channels.size() == 1 ? " channel (" : " channels (");
  for (std::size_t i = 0; i < channels.size() && i < 5; ++i)
    text += (i > 0 ? ", " : "") + std::to_string(channels[i]);
  return text + (channels.size() > 5 ? ", …)" : ")");
}

void require_same_layers(const model::Network& a, const model::Network& b) {
  const auto& of_a = a.batch_norms();
  const auto& of_b = b.batch_norms();
  for (const model::Network* network : {&a, &b}) {
    if (network->batch_norms().empty()) {
      throw model::ModelError(network->name() +
                              ": has no BatchNormalization, and so no statistics to compare; " +
                              model::export_hint);
    }
  }
  const std::string other = a.name() + " and " + b.name() + ": not the same network: ";
  if (of_a.size() != of_b.size()) {
    throw model::ModelError(other + "the first has " + std::to_string(of_a.size()) +
                            " BatchNorm layers, the second " + std::to_string(of_b.size()));
  }
  for (std::size_t i = 0; i < of_a.size(); ++i) {
    if (of_a[i].channels == of_b[i].channels) continue;
    throw model::ModelError(other + "BatchNorm layer " + of_a[i].name + " of the first has " +
                            std::to_string(of_a[i].channels) + " channels, " + of_b[i].name +
                            " of the second " + std::to_string(of_b[i].channels));
  }
}

}  // namespace

DriftComparison::DriftComparison(const model::Network& a, const model::Network& b, std::size_t most)
    : a_(a), b_(b) {
  require_same_layers(a, b);
  for (std::size_t i = 0; i < a.batch_norms().size(); ++i) {
    const std::string& in_a = a.batch_norms()[i].name;
    const std::string& in_b = b.batch_norms()[i].name;
    if (in_a == in_b) continue;
    remarks_.push_back("layers are paired in the networks' order, but not all have the same name: " + in_a +
                       " in " + a.name() + " is " + in_b + " in " + b.name());
    break;
  }
  for (std::size_t i = 0; i < a.batch_norms().size(); ++i) {
    const model::BatchNorm& in_a = a.batch_norms()[i];
    const model::BatchNorm& in_b = b.batch_norms()[i];
    if (in_a.gamma == in_b.gamma && in_a.beta == in_b.beta) continue;
    remarks_.push_back("more than the statistics differs, from layer " + in_a.name +
                       " on: the models were trained apart, and a channel need not mean the same in both");
    break;
  }
  for (const bool a_is_estimated : {true, false}) {
    directions_.push_back(compare(a_is_estimated, most));
    remark(directions_.back());
  }
}

DriftComparison::Direction DriftComparison::compare(bool a_is_estimated, std::size_t most) const {
  const model::Network& from = a_is_estimated ? a_ : b_;
  const model::Network& to = a_is_estimated ? b_ : a_;
  Direction direction;
  direction.estimated = a_is_estimated ? "a" : "b";
  direction.truth = a_is_estimated ? "b" : "a";
  direction.estimated_statistics = from.source_statistics();
  direction.true_statistics = to.source_statistics();
  direction.most = model::moved_most(direction.estimated_statistics, direction.true_statistics, most);
  Layer& all = direction.all;
  for (std::size_t l = 0; l < a_.batch_norms().size(); ++l) {
    const model::BatchNorm& norm = to.batch_norms()[l];
    const auto channels =
        model::channel_drifts(direction.estimated_statistics.layers[l], direction.true_statistics.layers[l]);
    Layer layer;
    layer.name = printable(a_.batch_norms()[l].name);
    layer.channels = channels.size();
    for (std::size_t c = 0; c < channels.size(); ++c) {
      layer.mean += channels[c].mean;
      layer.spread += channels[c].spread;
      layer.distance += channels[c].total();
      if (std::isinf(channels[c].total())) {
        layer.infinite.push_back(c);
        continue;
      }
      layer.finite_distance += channels[c].total();
      const float variance = norm.source.variance[c];
      if (channels[c].total() > 0 && variance < norm.epsilon) layer.below_epsilon.push_back(c);
    }
    all.channels += layer.channels;
    all.distance += layer.distance;
    all.mean += layer.mean;
    all.spread += layer.spread;
    all.finite_distance += layer.finite_distance;
    all.infinite.insert(all.infinite.end(), layer.infinite.begin(), layer.infinite.end());
    direction.layers.push_back(std::move(layer));
  }
  return direction;
}

void DriftComparison::remark(const Direction& direction) {
  const std::string& file = direction.truth == "a" ? a_.name() : b_.name();
  for (const Layer& layer : direction.layers) {
    if (!layer.infinite.empty()) {
      remarks_.push_back(
          layer.name + ": " + listed(layer.infinite) + " with a variance of 0 in " + file +
          ", where the layer's input is the same everywhere: any other estimate is infinitely far; the "
          "layer's other channels are at " +
          number(layer.finite_distance));
    }
    if (!layer.below_epsilon.empty()) {
      remarks_.push_back(
          layer.name + ": " + listed(layer.below_epsilon) + " with a variance in " + file +
          " below the epsilon that BatchNorm adds to it: the network feels less than this distance");
    }
  }
}

Json DriftComparison::direction_json(const Direction& direction) const {
  const auto add_distance = [](Json& json, const Layer& of) {
    json["distance"] = finite(of.distance);
    json["per_channel"] = finite(of.distance / static_cast<double>(of.channels));
    json["infinite_channels"] = of.infinite.size();
    json["finite_distance"] = of.finite_distance;
  };
  Json json;
  json["estimated"] = direction.estimated;
  json["true"] = direction.truth;
  add_distance(json, direction.all);
  json["layers"] = Json::array();
  for (const Layer& layer : direction.layers) {
    Json& entry = json["layers"].emplace_back(Json{{"name", layer.name}, {"channels", layer.channels}});
    add_distance(entry, layer);
    entry["mean"] = finite(layer.mean);
    entry["spread"] = finite(layer.spread);
    entry["below_epsilon"] = layer.below_epsilon;
  }
  json["moved_most"] = Json::array();
  for (const model::MovedChannel& moved : direction.most) {
    const auto of = [&moved](const model::Statistics& statistics) {
      const model::LayerStatistics& layer = statistics.layers[moved.layer];
      return Json{{"mean", layer.mean[moved.channel]},
                  {"deviation", std::sqrt(layer.variance[moved.channel])}};
    };
    json["moved_most"].push_back({{"layer", direction.layers[moved.layer].name},
                                  {"channel", moved.channel},
                                  {"distance", finite(moved.drift.total())},
                                  {"mean", finite(moved.drift.mean)},
                                  {"spread", finite(moved.drift.spread)},
                                  {"estimated", of(direction.estimated_statistics)},
                                  {"true", of(direction.true_statistics)}});
  }
  return json;
}

Json DriftComparison::json() const {
  const auto model = [this](const model::Network& network) {
    return Json{{"path", network.name()},
                {"batch_norm_layers", network.batch_norms().size()},
                {"channels", directions_.front().all.channels}};
  };
  Json json;
  json["fibflow"] = pipeline::version();
  json["a"] = model(a_);
  json["b"] = model(b_);
  json["directions"] = Json::array();
  for (const Direction& direction : directions_) json["directions"].push_back(direction_json(direction));
  return json;
}

void DriftComparison::print_moved(std::ostream& out, const Direction& direction) const {
  if (direction.most.empty()) return;
  out << "\nmoved most, " << (direction.estimated == "a" ? "A -> B" : "B -> A") << "\n";
  TextTable table;
  const std::string from_name = direction.estimated == "a" ? " A" : " B";
  const std::string to_name = direction.truth == "a" ? " A" : " B";
  table.add_row({"layer", "channel", "distance", "moved", "mean" + from_name, "mean" + to_name,
                 "deviation" + from_name, "deviation" + to_name});
  for (const model::MovedChannel& moved : direction.most) {
    const model::LayerStatistics& from = direction.estimated_statistics.layers[moved.layer];
    const model::LayerStatistics& to = direction.true_statistics.layers[moved.layer];
    const std::size_t c = moved.channel;
    const bool both = std::min(moved.drift.mean, moved.drift.spread) > 0.25 * moved.drift.total();
    table.add_row({direction.layers[moved.layer].name, std::to_string(c), number(moved.drift.total()),
                   both                                    ? "both"
                   : moved.drift.mean > moved.drift.spread ? "mean"
                                                           : "spread",
                   number(from.mean[c]), number(to.mean[c]), number(std::sqrt(from.variance[c])),
                   number(std::sqrt(to.variance[c]))});
  }
  out << table;
}

void DriftComparison::print(std::ostream& out) const {
  out << "A  " << a_.name() << "\nB  " << b_.name()
      << "\nA -> B: A's statistics estimated, B's true; a distance, and how much of it is that of the "
         "means\n\n";
  TextTable table;
  table.add_row({"layer", "channels", "A -> B", "per channel", "means", "B -> A", "per channel", "means"});
  const auto add_row = [&table](const std::string& name, const Layer& there, const Layer& back) {
    std::vector<std::string> row{name, std::to_string(there.channels)};
    for (const Layer* layer : {&there, &back}) {
      row.push_back(number(layer->distance));
      row.push_back(number(layer->distance / static_cast<double>(layer->channels)));
      row.push_back(percent(layer->mean, layer->distance));
    }
    table.add_row(std::move(row));
  };
  const Direction& there = directions_[0];
  const Direction& back = directions_[1];
  for (std::size_t l = 0; l < there.layers.size(); ++l)
    add_row(there.layers[l].name, there.layers[l], back.layers[l]);
  add_row("total", there.all, back.all);
  out << table;
  for (const Direction& direction : directions_) print_moved(out, direction);
}

}  // namespace fibflow::cli
