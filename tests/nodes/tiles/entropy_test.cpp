#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "nodes/tiles/classifier.h"

namespace fibflow::nodes {
namespace {

using Output = model::OutputKind;

double term(double p) {
  return p > 0 ? -p * std::log2(p) : 0;
}

double binary(double p) {
  return term(p) + term(1 - p);
}

/// Logits of an undecided and of a certain network, and everything between.
std::vector<float> logits(std::size_t count) {
  std::mt19937 random(7);
  std::vector<float> all;
  for (std::size_t n = 0; n < count; ++n) {
    const float width = n % 3 == 0 ? 0.3F : n % 3 == 1 ? 4.0F : 40.0F;
    all.push_back(width * (static_cast<float>(random()) / 2147483648.0F - 1));
  }
  return all;
}

TEST(EntropyTest, OfALogitIsThatOfItsProbability) {
  for (const float x : {-30.0F, -5.0F, -0.1F, 0.0F, 0.7F, 3.0F, 12.0F, 17.0F}) {
    const double p = 1 / (1 + std::exp(-static_cast<double>(x)));
    EXPECT_NEAR(Classifier(Output::logits, 1, {})(std::vector<float>{x}).entropy, binary(p), 2e-6) << x;
  }
  EXPECT_DOUBLE_EQ(Classifier(Output::logits, 1, {})(std::vector<float>{0}).entropy, 1);
}

TEST(EntropyTest, OfManyPixelsIsTheSumOfTheirs) {
  const std::vector<float> x = logits(100'003);
  double expected = 0;
  std::vector<float> p;
  for (const float logit : x) {
    expected += binary(1 / (1 + std::exp(-static_cast<double>(logit))));
    p.push_back(1 / (1 + std::exp(-logit)));
  }
  const auto pixels = static_cast<double>(x.size());
  EXPECT_NEAR(Classifier(Output::logits, 1, {})(x).entropy / pixels, expected / pixels, 1e-7);
  EXPECT_NEAR(Classifier(Output::sigmoid, 1, {})(p).entropy / pixels, expected / pixels, 1e-7);
}

TEST(EntropyTest, OfClassesIsThatOfTheirSoftmax) {
  for (const int classes : {2, 3, 7, 256}) {
    constexpr std::size_t pixels = 501;
    const std::vector<float> x = logits(static_cast<std::size_t>(classes) * pixels);
    std::vector<float> shares(x.size());
    double expected = 0;
    for (std::size_t i = 0; i < pixels; ++i) {
      double sum = 0;
      for (std::size_t c = 0; c < static_cast<std::size_t>(classes); ++c)
        sum += std::exp(static_cast<double>(x[c * pixels + i]));
      for (std::size_t c = 0; c < static_cast<std::size_t>(classes); ++c) {
        const double p = std::exp(static_cast<double>(x[c * pixels + i])) / sum;
        shares[c * pixels + i] = static_cast<float>(p);
        expected += term(p);
      }
    }
    EXPECT_NEAR(Classifier(Output::logits, classes, {})(x).entropy, expected, 1e-6 * expected) << classes;
    EXPECT_NEAR(Classifier(Output::softmax, classes, {})(shares).entropy, expected, 1e-6 * expected)
        << classes;
  }
}

TEST(EntropyTest, OfEqualClassesIsTheLogarithmOfTheirNumber) {
  EXPECT_NEAR(Classifier(Output::logits, 256, {})(std::vector<float>(256 * 3, 1.5F)).entropy, 3 * 8, 1e-5);
}

TEST(EntropyTest, OfCertaintyIsNothing) {
  EXPECT_EQ(Classifier(Output::logits, 1, {})(std::vector<float>{-3e38F, 3e38F}).entropy, 0);
  EXPECT_EQ(Classifier(Output::sigmoid, 1, {})(std::vector<float>{0, 1}).entropy, 0);
  EXPECT_EQ(Classifier(Output::softmax, 2, {})(std::vector<float>{0, 1, /**/ 1, 0}).entropy, 0);
  EXPECT_EQ(Classifier(Output::logits, 2, {})(std::vector<float>{-3e38F, 3e38F, /**/ 3e38F, -3e38F}).entropy,
            0);
}

}  // namespace
}  // namespace fibflow::nodes
