#include "classifier.h"

#include <algorithm>
#include <string>

#include "model/statistics/estimator.h"
#include "model/training/schedule.h"
#include "model/training/trainer.h"

namespace fibflow::toy {
namespace {

constexpr model::Region everywhere{{0, side}, {0, side}};

void serial(int count, const std::function<void(int)>& body) {
  for (int i = 0; i < count; ++i) body(i);
}

}  // namespace

model::Network train(const Domain& source, std::uint64_t seed) {
  model::Trainer::Options options;
  options.shape.network = {.channels = 16, .depth = 0, .input_channels = 2, .kernel = 1};
  options.shape.batch = 1;
  options.shape.height = side;
  options.shape.width = side;
  options.loss.dice = 0;
  options.seed = seed;
  model::Trainer trainer(options, serial);
  std::mt19937_64 random(seed);
  constexpr int steps = 1000;
  for (int step = 0; step < steps; ++step) {
    const Points points = source.sample(random);
    const double rate =
        model::learning_rate(model::Schedule::cosine, 0.02, static_cast<double>(step) / steps);
    trainer.step(points.image, points.labels, rate);
  }
  const std::string onnx = trainer.values().onnx();
  return model::Network::parse(std::as_bytes(std::span(onnx)), "toy");
}

Classifier::Classifier(model::Network network)
    : network_(std::move(network)), inference_(network_, side, side), source_(network_.source_statistics()) {}

model::Moments Classifier::measure(const Points& points) const {
  const auto plan = inference_.plan(everywhere, model::PlanKind::measured);
  model::Workspace workspace;
  std::ranges::copy(points.image, plan->input(workspace).begin());
  const auto weights = inference_.weights();
  model::Moments moments;
  moments.layers.resize(source_.layers.size());
  model::LayerStatistics before;
  for (std::size_t s = 0; s < moments.layers.size(); ++s) {
    plan->run_stage(static_cast<int>(s), workspace, *weights, s == 0 ? nullptr : &before, &moments.layers[s]);
    before = moments.layers[s].statistics();
  }
  return moments;
}

model::Statistics Classifier::adapt(const Domain& target, int images, std::mt19937_64& random) const {
  model::Estimator estimator({.rule = "pooled"}, source_);
  for (int i = 0; i < images; ++i) estimator.update(measure(target.sample(random)), 1);
  return estimator.estimate();
}

std::vector<float> Classifier::logits(const model::Statistics& statistics, const std::vector<float>& image,
                                      int height, int width) const {
  const bool usual = height == side && width == side;
  const model::Inference inference = usual ? inference_ : model::Inference(network_, height, width);
  const auto plan = inference.plan({{0, height}, {0, width}}, model::PlanKind::frozen);
  model::Workspace workspace;
  std::ranges::copy(image, plan->input(workspace).begin());
  plan->run(workspace, *inference.freeze(statistics), nullptr, nullptr);
  std::vector<float> result(image.size() / 2);
  plan->read_output(workspace, result);
  return result;
}

double Classifier::accuracy(const model::Statistics& statistics, const std::vector<Points>& points) const {
  std::size_t right = 0;
  for (const Points& some : points) {
    const std::vector<float> result = logits(statistics, some.image, side, side);
    for (std::size_t i = 0; i < result.size(); ++i) right += (result[i] > 0) == (some.labels[i] == 1);
  }
  return static_cast<double>(right) / static_cast<double>(points.size() * pixels);
}

}  // namespace fibflow::toy
