#include "nodes/tiles/classifier.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <vector>

#include "model/error.h"
#include "tests/fixtures/prediction_format.h"

namespace fibflow::nodes {
namespace {

using Output = model::OutputKind;
using Mask = std::vector<std::uint8_t>;

template <typename T>
std::vector<T> values(const std::vector<std::byte>& bytes) {
  std::vector<T> result(bytes.size() / sizeof(T));
  std::memcpy(result.data(), bytes.data(), bytes.size());
  return result;
}

Mask mask(const Labels& labels) {
  return {labels.mask().begin(), labels.mask().end()};
}

TEST(ClassifierTest, ThresholdsTheSigmoidOfALogit) {
  const Classifier classify(Output::logits, 1, testing::with_probability(io::PixelType::f32, 0.7));
  const float at = std::log(0.7F / 0.3F);
  const Labels labels = classify(std::vector<float>{-1, 0, at - 0.01F, at + 0.01F, 5});
  EXPECT_EQ(mask(labels), (Mask{0, 0, 0, 255, 255}));
  EXPECT_EQ(labels.foreground, 2);
  EXPECT_NEAR(values<float>(labels.voxels(Layer::probability))[1], 0.5, 1e-7);
}

TEST(ClassifierTest, TakesAProbabilityAsItIs) {
  const Classifier classify(Output::sigmoid, 1, testing::with_probability(io::PixelType::f32));
  const Labels labels = classify(std::vector<float>{0.25F, 0.5F, 0.75F});
  EXPECT_EQ(mask(labels), (Mask{0, 0, 255}));
  EXPECT_EQ(values<float>(labels.voxels(Layer::probability)), (std::vector<float>{0.25F, 0.5F, 0.75F}));
}

TEST(ClassifierTest, PicksTheStrongestOfSeveralClasses) {
  const Classifier classify(Output::logits, 3, testing::with_probability(io::PixelType::f32));
  // [class][pixel]
  const Labels labels = classify(std::vector<float>{2, 0, 0, 1, /**/ 1, 3, 0, 1, /**/ 0, 1, 4, 1});
  EXPECT_EQ(mask(labels), (Mask{0, 1, 2, 0}));
  EXPECT_EQ(labels.foreground, 2);
  const auto p = values<float>(labels.voxels(Layer::probability));
  EXPECT_NEAR(p[0], 1 - std::exp(2.0) / (std::exp(2.0) + std::exp(1.0) + 1), 1e-6);
  EXPECT_NEAR(p[3], 2.0 / 3, 1e-6);
}

TEST(ClassifierTest, TwoClassesAreClassIndices) {
  const Classifier classify(Output::logits, 2, {});
  EXPECT_EQ(mask(classify(std::vector<float>{0, 1, /**/ 1, 0})), (Mask{1, 0}));
}

TEST(ClassifierTest, SoftmaxAtTheEndIsNotAppliedTwice) {
  const Classifier classify(Output::softmax, 2, testing::with_probability(io::PixelType::f32));
  EXPECT_NEAR(values<float>(classify(std::vector<float>{0.9F, 0.1F}).voxels(Layer::probability))[0], 0.1F,
              1e-6);
}

TEST(ClassifierTest, StoresProbabilitiesInEachType) {
  const std::vector<float> p{0, 0.5F, 1};
  EXPECT_EQ(values<std::uint8_t>(
                Classifier(Output::sigmoid, 1, testing::with_probability(io::PixelType::u8))(p).voxels(
                    Layer::probability)),
            (std::vector<std::uint8_t>{0, 128, 255}));
  EXPECT_EQ(values<std::uint16_t>(
                Classifier(Output::sigmoid, 1, testing::with_probability(io::PixelType::u16))(p).voxels(
                    Layer::probability)),
            (std::vector<std::uint16_t>{0, 32768, 65535}));
  EXPECT_EQ(Classifier(Output::sigmoid, 1, {})(p).layers.size(), 1U) << "nobody asked for probabilities";
}

TEST(ClassifierTest, LargeLogitsStayProbabilities) {
  const Classifier one(Output::logits, 1, testing::with_probability(io::PixelType::f32));
  EXPECT_EQ(values<float>(one(std::vector<float>{-1000, 1000}).voxels(Layer::probability)),
            (std::vector<float>{0, 1}));
  const Classifier two(Output::logits, 2, testing::with_probability(io::PixelType::f32));
  EXPECT_EQ(values<float>(two(std::vector<float>{1000, 0, /**/ 0, 1000}).voxels(Layer::probability)),
            (std::vector<float>{0, 1}));
}

TEST(ClassifierTest, RefusesOutputsThatAreNotFinite) {
  const Classifier classify(Output::logits, 1, {});
  EXPECT_THROW(classify(std::vector<float>{0, std::numeric_limits<float>::quiet_NaN()}), model::ModelError);
}

TEST(ClassifierTest, MakesTheLayersInTheOrderThatIsAskedFor) {
  const PredictionFormat format{0.5,
                                {{Layer::probability, io::PixelType::u8}, {Layer::mask, io::PixelType::u8}}};
  const Labels labels = Classifier(Output::sigmoid, 1, format)(std::vector<float>{1});
  ASSERT_EQ(labels.layers.size(), 2U);
  EXPECT_EQ(labels.layers[0].layer, Layer::probability);
  EXPECT_EQ(mask(labels), (Mask{255}));
}

TEST(ClassifierTest, RefusesMasksOfAnotherTypeThanU8) {
  EXPECT_THROW(Classifier(Output::logits, 1, {0.5, {{Layer::mask, io::PixelType::u16}}}),
               std::invalid_argument);
}

TEST(ClassifierTest, RefusesMoreClassesThanAMaskHolds) {
  EXPECT_THROW(Classifier(Output::logits, 257, {}), std::invalid_argument);
  EXPECT_THROW(Classifier(Output::logits, 1, {1.5, {}}), std::invalid_argument);
}

}  // namespace
}  // namespace fibflow::nodes
