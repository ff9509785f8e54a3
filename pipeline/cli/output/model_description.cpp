#include "pipeline/cli/output/model_description.h"

#include <nlohmann/json.hpp>

#include "model/error.h"
#include "pipeline/cli/arguments/arguments.h"
#include "pipeline/cli/terminal/printable.h"

namespace fibflow::cli {
namespace {

using Json = nlohmann::ordered_json;
using model::Network;

/// Without the key, what the commands then use.
std::string metadata_or(const Network& network, const std::string& key, const std::string& otherwise) {
  const auto it = network.metadata().find(key);
  return it == network.metadata().end() ? otherwise : it->second;
}

int normalized_channels(const Network& network) {
  int channels = 0;
  for (const model::BatchNorm& layer : network.batch_norms()) channels += layer.channels;
  return channels;
}

}  // namespace

Json ModelDescription::json() const {
  Json layers = Json::array();
  for (const model::BatchNorm& layer : network.batch_norms()) {
    layers.push_back({{"name", layer.name}, {"channels", layer.channels}, {"epsilon", layer.epsilon}});
  }
  Json json;
  json["path"] = path;
  json["kind"] = "model";
  json["format"] = "ONNX";
  json["opset"] = network.opset();
  json["producer"] = network.producer();
  json["input_channels"] = network.input_channels();
  json["output_channels"] = network.output_channels();
  json["output"] = network.spoken_output();
  json["parameters"] = network.parameters();
  json["receptive_field_radius"] = network.receptive_field_radius();
  json["stride"] = network.stride();
  json["operators"] = network.operators();
  json["batch_norm_layers"] = layers;
  json["adaptable"] = !network.batch_norms().empty();
  json["metadata"] = network.metadata();
  return json;
}

std::string ModelDescription::text() const {
  std::string text = printable(path) + "\n";
  const auto add = [&text](const std::string& name, const std::string& value) {
    text += "  " + name + std::string(15 - name.size(), ' ') + printable(value) + "\n";
  };
  add("format", "ONNX, opset " + std::to_string(network.opset()) +
                    (network.producer().empty() ? std::string() : ", from " + network.producer()));
  const int channels = network.output_channels();
  add("maps", std::to_string(network.input_channels()) +
                  (network.input_channels() == 1 ? " channel to " : " channels to ") +
                  (channels == 1 ? std::string("1 map of ") : std::to_string(channels) + " maps of ") +
                  network.spoken_output());
  add("parameters", std::to_string(network.parameters()));
  add("sees", std::to_string(network.receptive_field_radius()) + " pixels around each pixel, on a grid of " +
                  std::to_string(network.stride()));
  if (network.batch_norms().empty()) {
    add("BatchNorm", std::string("none: it segments with --recipe none and cannot be adapted;"));
    add("", model::export_hint);
  } else {
    add("BatchNorm", std::to_string(network.batch_norms().size()) + " layers, " +
                         std::to_string(normalized_channels(network)) + " channels");
  }
  std::string operators;
  for (const auto& [name, count] : network.operators()) {
    operators += (operators.empty() ? "" : ", ") + std::to_string(count) + " " + name;
  }
  add("operators", operators);
  add("normalization", metadata_or(network, "fibflow.normalization", "not stated: unit is used"));
  add("threshold", metadata_or(network, "fibflow.threshold", "not stated: 0.5 is used"));
  for (const auto& [key, value] : network.metadata()) {
    if (key == "fibflow.normalization" || key == "fibflow.threshold") continue;
    text += "  " + printable(key) + "  " + printable(value) + "\n";
  }
  return text;
}

ModelDescription describe_model(const std::string& path, const std::string& output_map) {
  return {path, Network::load(path, output_map)};
}

}  // namespace fibflow::cli
