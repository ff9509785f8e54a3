#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "model/training/trainer.h"
#include "tests/model/training/reference_unet.h"

namespace fibflow::model {
namespace {

void serial(int count, const std::function<void(int)>& body) {
  for (int i = 0; i < count; ++i) body(i);
}

/// The same calls in another order.
void backwards(int count, const std::function<void(int)>& body) {
  for (int i = count; i-- > 0;) body(i);
}

/// A small batch for a network whose values are all random.
struct Batch {
  TrainingGraph::Shape shape;
  UNetValues values;
  std::vector<float> images;
  std::vector<std::uint8_t> labels;

  Batch(const UNet& network, int count, int height, int width, unsigned seed)
      : shape{network, count, height, width}, values(UNetValues::initial(network, seed)) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    for (const UNetTensor& tensor : values.tensors()) {
      if (tensor.dims.size() == 4 || !is_trained(tensor)) continue;
      const bool gamma = tensor.name.ends_with(".weight");
      for (float& v : values[tensor.name]) v = (gamma ? 1.0F : 0.0F) + 0.3F * normal(random);
    }
    const std::size_t pixels =
        static_cast<std::size_t>(count) * static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
    images.resize(pixels * static_cast<std::size_t>(network.input_channels));
    for (float& v : images) v = normal(random);
    labels.resize(pixels);
    const unsigned classes = static_cast<unsigned>(std::max(2, network.output_channels));
    for (std::uint8_t& l : labels) l = static_cast<std::uint8_t>(random() % classes);
  }

  ReferenceMap reference_images() const {
    ReferenceMap map(shape.batch, shape.network.input_channels, shape.height, shape.width);
    std::copy(images.begin(), images.end(), map.values.begin());
    return map;
  }
};

/// How far the gradients are from finite differences of a network computed in double, for each tensor along
/// random directions; relative to the length of the tensor's gradient.
void expect_gradients_of_the_reference(const Batch& batch) {
  TrainingGraph graph(batch.shape, {}, serial);
  UNetValues gradients(batch.shape.network);
  const TrainingGraph::Result result =
      graph.differentiate(batch.values, batch.images, batch.labels, gradients);
  const ReferenceMap images = batch.reference_images();
  const ReferenceValues values = reference_values(batch.values);
  EXPECT_NEAR(result.loss.total, reference_loss(batch.shape.network, values, images, batch.labels), 2e-6);

  std::mt19937 random(99);
  std::normal_distribution<double> normal;
  double worst = 0;
  for (const UNetTensor& tensor : batch.values.tensors()) {
    const auto gradient = gradients[tensor.name];
    if (!is_trained(tensor)) {
      for (const float g : gradient) ASSERT_EQ(g, 0) << tensor.name;
      continue;
    }
    double length = 0;
    for (const float g : gradient) length += static_cast<double>(g) * static_cast<double>(g);
    length = std::sqrt(length);
    for (int direction = 0; direction < 3; ++direction) {
      std::vector<double> step(gradient.size());
      double norm = 0;
      for (double& s : step) {
        s = normal(random);
        norm += s * s;
      }
      for (double& s : step) s /= std::sqrt(norm);
      double along = 0;
      for (std::size_t i = 0; i < step.size(); ++i) along += step[i] * static_cast<double>(gradient[i]);
      // Small enough that no ReLU or maximum changes sides, large enough for doubles.
      constexpr double h = 1e-6;
      const auto loss_at = [&](double by) {
        ReferenceValues moved = values;
        for (std::size_t i = 0; i < step.size(); ++i) moved[tensor.name][i] += by * step[i];
        return reference_loss(batch.shape.network, moved, images, batch.labels);
      };
      const double difference = (loss_at(h) - loss_at(-h)) / (2 * h);
      const double error = std::abs(along - difference) / std::max(length, 1e-3);
      worst = std::max(worst, error);
      EXPECT_LT(error, 2e-4) << tensor.name << ": " << along << " against " << difference;
    }
  }
  testing::Test::RecordProperty("worst_relative_error", std::to_string(worst));
}

TEST(TrainingGradientTest, EveryTensorOfATinyNetworkAgreesWithFiniteDifferences) {
  expect_gradients_of_the_reference(Batch({3, 2, 1, 1}, 2, 8, 12, 1));
}

TEST(TrainingGradientTest, SoItDoesWithSeveralClassesAndInputs) {
  expect_gradients_of_the_reference(Batch({2, 1, 3, 4}, 3, 6, 8, 2));
}

TEST(TrainingGradientTest, SoItDoesWhereChannelsFillTheBlocks) {
  expect_gradients_of_the_reference(Batch({16, 1, 1, 1}, 2, 4, 8, 3));
}

TEST(TrainingGradientTest, SoItDoesWhereChannelsFillABlockAndABit) {
  expect_gradients_of_the_reference(Batch({17, 1, 1, 2}, 1, 4, 4, 4));
}

TEST(TrainingGradientTest, ADeepNetworkDownToOnePixelAgreesToo) {
  expect_gradients_of_the_reference(Batch({2, 3, 1, 1}, 4, 8, 8, 5));
}

TEST(TrainingGradientTest, SoItDoesWhereEveryPixelIsLookedAtAlone) {
  expect_gradients_of_the_reference(Batch({5, 0, 2, 1, 1e-5F, 1}, 2, 3, 5, 13));
  expect_gradients_of_the_reference(Batch({20, 0, 3, 3, 1e-5F, 1}, 1, 4, 4, 14));
}

TEST(TrainingGradientTest, SoItDoesWithoutPoolingAndWithPointwiseLevels) {
  expect_gradients_of_the_reference(Batch({4, 0, 1, 1, 1e-5F, 3}, 2, 5, 7, 15));
  expect_gradients_of_the_reference(Batch({3, 2, 1, 1, 1e-5F, 1}, 2, 8, 4, 16));
}

TEST(TrainingGraphTest, GivesTheSameBitsInAnyOrder) {
  const Batch batch({5, 2, 1, 1}, 5, 16, 24, 6);
  TrainingGraph forwards(batch.shape, {}, serial);
  TrainingGraph other(batch.shape, {}, backwards);
  UNetValues a(batch.shape.network);
  UNetValues b(batch.shape.network);
  const auto one = forwards.differentiate(batch.values, batch.images, batch.labels, a);
  const auto two = other.differentiate(batch.values, batch.images, batch.labels, b);
  EXPECT_EQ(one.loss.total, two.loss.total);
  EXPECT_EQ(one.moments, two.moments);
  EXPECT_TRUE(std::equal(a.all().begin(), a.all().end(), b.all().begin()));
}

TEST(TrainingGraphTest, RemembersNothingOfTheBatchBefore) {
  const Batch batch({4, 2, 1, 1}, 2, 16, 16, 7);
  const Batch other({4, 2, 1, 1}, 2, 16, 16, 8);
  TrainingGraph graph(batch.shape, {}, serial);
  UNetValues a(batch.shape.network);
  UNetValues b(batch.shape.network);
  graph.differentiate(batch.values, batch.images, batch.labels, a);
  std::vector<float> logits(batch.labels.size());
  graph.evaluate(other.values, other.images, logits);
  graph.differentiate(other.values, other.images, other.labels, b);
  graph.differentiate(batch.values, batch.images, batch.labels, b);
  EXPECT_TRUE(std::equal(a.all().begin(), a.all().end(), b.all().begin()));
}

TEST(TrainingGraphTest, KnowsItsMemoryBeforehand) {
  for (const TrainingGraph::Shape& shape :
       {TrainingGraph::Shape{{16, 4, 1, 1}, 2, 64, 64}, TrainingGraph::Shape{{5, 2, 1, 3}, 3, 128, 96},
        TrainingGraph::Shape{{32, 1, 1, 1}, 1, 256, 256},
        TrainingGraph::Shape{{32, 0, 2, 1, 1e-5F, 1}, 2, 64, 64}}) {
    const auto expected = static_cast<double>(TrainingGraph::memory_of(shape));
    const auto real = static_cast<double>(TrainingGraph(shape, {}, serial).memory());
    EXPECT_NEAR(expected / real, 1, 0.15) << shape.network.channels;
  }
}

TEST(TrainingGraphTest, RefusesWhatDoesNotFit) {
  EXPECT_THROW(TrainingGraph({{4, 2, 1, 1}, 1, 18, 16}, {}, serial), std::invalid_argument);
  EXPECT_THROW(TrainingGraph({{4, 2, 1, 1}, 0, 16, 16}, {}, serial), std::invalid_argument);
  EXPECT_THROW(TrainingGraph({{4, 2, 4, 1}, 1, 16, 16}, {}, serial), std::invalid_argument);
  EXPECT_THROW(TrainingGraph({{4, 2, 1, 1, 1e-5F, 2}, 1, 16, 16}, {}, serial), std::invalid_argument);
  EXPECT_THROW(TrainingGraph({{4, -1, 1, 1}, 1, 16, 16}, {}, serial), std::invalid_argument);
  Batch batch({4, 2, 1, 1}, 2, 16, 16, 9);
  TrainingGraph graph(batch.shape, {}, serial);
  UNetValues gradients(batch.shape.network);
  UNetValues others(UNet{4, 3, 1, 1});
  EXPECT_THROW(graph.differentiate(others, batch.images, batch.labels, others), std::invalid_argument);
  EXPECT_THROW(graph.differentiate(batch.values, std::span(batch.images).first(16), batch.labels, gradients),
               std::invalid_argument);
  batch.labels[3] = 2;
  EXPECT_THROW(graph.differentiate(batch.values, batch.images, batch.labels, gradients),
               std::invalid_argument);
}

TEST(TrainerTest, GoesOnFromAStateAsIfItHadNeverStopped) {
  const Batch batch({4, 2, 1, 1}, 2, 16, 16, 10);
  Trainer::Options options;
  options.shape = batch.shape;
  Trainer whole(options, serial);
  Trainer first(options, serial);
  for (int i = 0; i < 2; ++i) first.step(batch.images, batch.labels, 1e-2);
  for (int i = 0; i < 4; ++i) whole.step(batch.images, batch.labels, 1e-2);
  options.seed = 77;
  Trainer second(options, backwards);
  second.restore(first.state());
  EXPECT_EQ(second.steps(), 2);
  for (int i = 0; i < 2; ++i) second.step(batch.images, batch.labels, 1e-2);
  EXPECT_TRUE(whole.state() == second.state());
  EXPECT_THROW(second.restore("too short"), std::invalid_argument);
}

TEST(TrainerTest, SaysWhenTheLossDivergesAndKeepsItsWeights) {
  Batch batch({4, 2, 1, 1}, 2, 16, 16, 11);
  Trainer::Options options;
  options.shape = batch.shape;
  Trainer trainer(options, serial);
  const std::string before = trainer.state();
  batch.images[5] = std::nanf("");
  EXPECT_THROW(trainer.step(batch.images, batch.labels, 1e-2), TrainingDiverged);
  EXPECT_TRUE(trainer.state() == before);
}

TEST(TrainerTest, LearnsABatchByHeart) {
  const Batch batch({8, 2, 1, 1}, 2, 32, 32, 12);
  std::vector<std::uint8_t> bright;
  for (const float v : batch.images) bright.push_back(v > 0.5F);
  Trainer::Options options;
  options.shape = batch.shape;
  Trainer trainer(options, serial);
  const double start = trainer.step(batch.images, bright, 1e-2).total;
  double end = start;
  for (int i = 0; i < 60; ++i) end = trainer.step(batch.images, bright, 1e-2).total;
  EXPECT_LT(end, 0.25 * start);
}

}  // namespace
}  // namespace fibflow::model
