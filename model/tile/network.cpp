#include "model/tile/network.h"

#include <cmath>
#include <sstream>
#include <stdexcept>

#include "model/onnx/output_values.h"
#include "model/onnx/reading.h"
#include "model/onnx/writing.h"
#include "model/operators/any_size.h"
#include "model/tile/shaped_network.h"

namespace fibflow::model {

const char* const export_hint =
    "exporters fold BatchNorm into the convolutions: export it with tools/export_onnx.py, or with "
    "torch.onnx.export(model.eval(), ..., training=torch.onnx.TrainingMode.PRESERVE, "
    "do_constant_folding=False, "
    "dynamo=False) so that its BatchNormalization layers are kept";

namespace {

OutputKind kind_of(const OutputValues& values, int channels) {
  if (values.is_probability())
    return values.adds_up_to_one && channels > 1 ? OutputKind::softmax : OutputKind::sigmoid;
  // Logits that are kept from overflowing have bounds, too: a probability of 0.05 to 0.95 at least fits between them.
  constexpr double wide = 3;
  return values.lowest <= -wide && values.highest >= wide ? OutputKind::logits : OutputKind::other;
}

std::string spoken_bounds(const OutputValues& values) {
  std::ostringstream text;
  if (std::isfinite(values.lowest) && std::isfinite(values.highest)) {
    text << "values between " << values.lowest << " and " << values.highest;
  } else if (std::isfinite(values.lowest)) {
    text << "values of " << values.lowest << " or more";
  } else {
    text << "values of " << values.highest << " or less";
  }
  return text.str();
}

/// For a slice of ordinary size, or, if the network takes one only, of that.
ShapedNetwork tried_out(const Graph& graph) {
  constexpr int ordinary_size = 512;
  const bool declared = graph.declared_height > 0 && graph.declared_width > 0;
  try {
    return ShapedNetwork::fit(graph, ordinary_size, ordinary_size);
  } catch (const SizeMisfit&) {
    if (!declared) throw;
    return {graph, graph.declared_height, graph.declared_width};
  }
}

}  // namespace

/// What only shows with a slice of some size.
struct Network::Trial {
  int output_channels = 0;
  OutputKind output_kind = OutputKind::logits;
  OutputValues values;
  int radius = 0;
  int stride = 1;

  /// Throws ModelError for a network that no size fits, or a BatchNormalization whose result is not used.
  explicit Trial(const Graph& graph);
};

Network::Trial::Trial(const Graph& graph) {
  const ShapedNetwork shaped = tried_out(graph);
  output_channels = shaped.output().channels;
  values = output_values(graph);
  output_kind = kind_of(values, output_channels);
  stride = shaped.alignment();
  radius = shaped.receptive_field_radius();
  const std::vector<Region> used =
      shaped.regions({{0, shaped.slice_height()}, {0, shaped.slice_width()}}, false);
  for (std::size_t b = 0; b < graph.batch_norms.size(); ++b) {
    const Operation* op = shaped.operation_of_batch_norm(static_cast<int>(b));
    if (op == nullptr || used[static_cast<std::size_t>(op->output)].empty()) {
      throw ModelError("node '" + graph.batch_norms[b].name +
                       "' (BatchNormalization): its result is not used");
    }
  }
}

Network::Network(std::shared_ptr<const Graph> graph, std::shared_ptr<const Trial> trial)
    : graph_(std::move(graph)), trial_(std::move(trial)) {}

Network Network::read(std::span<const std::byte> bytes, const std::string& name,
                      const std::filesystem::path& folder, const std::string& output_map) {
  try {
    auto graph = read_graph(bytes, folder, output_map);
    graph->name = name;
    accept_any_size(*graph);
    auto trial = std::make_shared<const Trial>(*graph);
    return {std::move(graph), std::move(trial)};
  } catch (const ModelError& e) {
    throw ModelError(printable(name + ": " + e.what()));
  }
}

Network Network::load(const std::filesystem::path& file, const std::string& output_map) {
  const std::string bytes = read_model_file(file);
  return read(std::as_bytes(std::span(bytes)), file.string(), file.parent_path(), output_map);
}

Network Network::parse(std::span<const std::byte> bytes, const std::string& name,
                       const std::string& output_map) {
  return read(bytes, name, {}, output_map);
}

const std::string& Network::name() const {
  return graph_->name;
}
int Network::opset() const {
  return graph_->opset;
}
std::string Network::producer() const {
  return graph_->producer;
}
int Network::input_channels() const {
  return graph_->input_channels;
}
double Network::input_gray_levels() const {
  return graph_->gray_levels;
}
int Network::output_channels() const {
  return trial_->output_channels;
}
OutputKind Network::output() const {
  return trial_->output_kind;
}
std::string Network::spoken_output() const {
  switch (trial_->output_kind) {
    case OutputKind::logits:
      return "logits";
    case OutputKind::sigmoid:
      return output_channels() > 1 ? "probabilities, each for itself (sigmoid)" : "probabilities (sigmoid)";
    case OutputKind::softmax:
      return "probabilities (softmax)";
    case OutputKind::other:
      return spoken_bounds(trial_->values);
  }
  throw std::logic_error("unknown kind of output");
}

const std::string& Network::output_map() const {
  return graph_->output_map;
}

void Network::require_segmentation() const {
  const OutputValues& values = trial_->values;
  const auto refuse = [&](const std::string& why) { throw ModelError(printable(name() + ": " + why)); };
  if (output() == OutputKind::other) {
    refuse(values.made_by + " makes " + spoken_bounds(values) +
           " of the output, which are neither probabilities nor logits: " +
           (values.probability_before.empty()
                ? std::string("export the model with its logits, or their sigmoid or softmax, as output")
                : "probabilities are made before it: --output-map " + values.probability_before));
  }
  if (output() == OutputKind::sigmoid && output_channels() > 1) {
    refuse("its output has " + std::to_string(output_channels()) +
           " maps of probabilities, each for itself, which are no classes: choose one, from 0 on, as with "
           "--output-map " +
           (output_map().empty() ? std::string("0") : output_map() + ":0"));
  }
}

const std::vector<BatchNorm>& Network::batch_norms() const {
  return graph_->batch_norms;
}

Statistics Network::source_statistics() const {
  Statistics s;
  for (const BatchNorm& bn : graph_->batch_norms) s.layers.push_back(bn.source);
  return s;
}

std::map<std::string, int> Network::operators() const {
  return graph_->operators;
}
std::size_t Network::parameters() const {
  return graph_->parameters;
}
const std::map<std::string, std::string>& Network::metadata() const {
  return graph_->metadata;
}
int Network::receptive_field_radius() const {
  return trial_->radius;
}
int Network::stride() const {
  return trial_->stride;
}

std::string Network::with_statistics(const Statistics& statistics,
                                     const std::map<std::string, std::string>& metadata) const {
  try {
    return model::with_statistics(*graph_, statistics, metadata);
  } catch (const ModelError& e) {
    throw ModelError(printable(name() + ": " + e.what()));
  }
}

void Network::visit_content(const std::function<void(std::string_view)>& visit) const {
  model::visit_content(*graph_, visit);
}

}  // namespace fibflow::model
