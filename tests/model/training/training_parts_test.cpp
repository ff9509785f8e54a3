#include <gtest/gtest.h>
#include <onnx/checker.h>
#include <onnx/onnx_pb.h>

#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>
#include <vector>

#include "model/engine/cpu.h"
#include "model/engine/onednn_training.h"
#include "model/tile/inference.h"
#include "model/training/adam.h"
#include "model/training/loss.h"
#include "model/training/schedule.h"
#include "model/training/trainer.h"
#include "model/training/training_kernels.h"
#include "model/training/training_layers.h"
#include "tests/model/training/reference_unet.h"

namespace fibflow::model {
namespace {

void serial(int count, const std::function<void(int)>& body) {
  for (int i = 0; i < count; ++i) body(i);
}

/// One image of random values, in double and blocked.
class Maps {
 public:
  explicit Maps(unsigned seed) : random_(seed) {}

  ReferenceMap random_map(int channels, int height, int width) {
    ReferenceMap map(1, channels, height, width);
    for (double& v : map.values) v = normal();
    return map;
  }
  double normal() { return static_cast<double>(static_cast<float>(normal_(random_))); }

  static AlignedFloats blocked(const ReferenceMap& map) {
    AlignedFloats buffer(map.values.size());
    for_each(map, [&](std::size_t plain, std::size_t place) {
      buffer.data()[place] = static_cast<float>(map.values[plain]);
    });
    return buffer;
  }

  static ReferenceMap plain(const AlignedFloats& buffer, int channels, int height, int width) {
    ReferenceMap map(1, channels, height, width);
    for_each(map, [&](std::size_t plain, std::size_t place) {
      map.values[plain] = static_cast<double>(buffer.data()[place]);
    });
    return map;
  }

 private:
  template <typename Each>
  static void for_each(const ReferenceMap& map, Each&& each) {
    const int block = channel_block();
    for (int c = 0; c < map.channels; ++c) {
      for (int y = 0; y < map.height; ++y) {
        for (int x = 0; x < map.width; ++x) {
          each(map.index(0, c, y, x),
               static_cast<std::size_t>(((c / block * map.height + y) * map.width + x) * block + c % block));
        }
      }
    }
  }

  std::mt19937 random_;
  std::normal_distribution<double> normal_;
};

AlignedFloats per_channel(const std::vector<double>& values) {
  AlignedFloats buffer(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) buffer.data()[i] = static_cast<float>(values[i]);
  return buffer;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

void expect_near(const ReferenceMap& a, const ReferenceMap& b, double tolerance) {
  ASSERT_EQ(a.values.size(), b.values.size());
  for (std::size_t i = 0; i < a.values.size(); ++i) ASSERT_NEAR(a.values[i], b.values[i], tolerance) << i;
}

TEST(TrainingConvolutionTest, BackwardPassesAreTheAdjointsOfTheForwardPass) {
  const int block = channel_block();
  for (const int kernel : {1, 3}) {
    Maps maps(static_cast<unsigned>(kernel));
    const TrainingConvolution convolution({block, 2 * block, 6, 10, kernel, false});
    const ReferenceMap x = maps.random_map(block, 6, 10);
    const ReferenceMap dy = maps.random_map(2 * block, 6, 10);
    std::vector<double> weights(convolution.plain_floats());
    for (double& w : weights) w = 0.2 * maps.normal();
    const AlignedFloats plain = per_channel(weights);
    AlignedFloats forward(convolution.forward_floats());
    AlignedFloats backward(convolution.backward_floats());
    AlignedFloats gradient(convolution.gradient_floats());
    AlignedFloats plain_gradient(convolution.plain_floats());
    AlignedFloats scratch(convolution.scratch_bytes() / sizeof(float) + 1);
    convolution.arrange(plain.data(), forward.data(), backward.data());

    const AlignedFloats input = Maps::blocked(x);
    AlignedFloats output(dy.values.size());
    convolution.forward(input.data(), forward.data(), output.data(), scratch.data());
    const ReferenceMap y = reference_convolution(x, weights, 2 * block, kernel);
    expect_near(Maps::plain(output, 2 * block, 6, 10), y, 1e-4);

    const AlignedFloats output_gradient = Maps::blocked(dy);
    AlignedFloats input_gradient(x.values.size());
    convolution.backward_data(output_gradient.data(), backward.data(), input_gradient.data(), scratch.data());
    convolution.backward_weights(input.data(), output_gradient.data(), gradient.data(), scratch.data());
    convolution.collect(gradient.data(), plain_gradient.data());
    // <dy, A u> = <A' dy, u> for any u, and the output is linear in the weights as well.
    const ReferenceMap u = maps.random_map(block, 6, 10);
    const double expected = dot(dy.values, reference_convolution(u, weights, 2 * block, kernel).values);
    EXPECT_NEAR(dot(Maps::plain(input_gradient, block, 6, 10).values, u.values), expected, 2e-3);
    std::vector<double> v(weights.size());
    for (double& w : v) w = maps.normal();
    std::vector<double> collected(plain_gradient.data(), plain_gradient.data() + plain_gradient.size());
    const double by_weights = dot(dy.values, reference_convolution(x, v, 2 * block, kernel).values);
    EXPECT_NEAR(dot(collected, v), by_weights, 1e-5 * dot(v, v) + 2e-2);
  }
}

/// BatchNorm's terms for two blocks of channels.
struct Norm {
  std::vector<double> gamma, beta, mean, variance;
  AlignedFloats scale, shift, mean_floats, inverse;

  Norm(const ReferenceMap& x, Maps& maps) {
    const double pixels = static_cast<double>(x.height) * x.width;
    std::vector<double> scales, shifts, inverses;
    for (int c = 0; c < x.channels; ++c) {
      double m = 0;
      double v = 0;
      for (int i = 0; i < x.height * x.width; ++i) m += x.at(0, c, i / x.width, i % x.width) / pixels;
      for (int i = 0; i < x.height * x.width; ++i) {
        const double d = x.at(0, c, i / x.width, i % x.width) - m;
        v += d * d / pixels;
      }
      gamma.push_back(1 + 0.3 * maps.normal());
      beta.push_back(0.3 * maps.normal());
      mean.push_back(m);
      variance.push_back(v);
      inverses.push_back(1 / std::sqrt(v + 1e-5));
      scales.push_back(gamma.back() * inverses.back());
      shifts.push_back(beta.back() - m * scales.back());
    }
    scale = per_channel(scales);
    shift = per_channel(shifts);
    mean_floats = per_channel(mean);
    inverse = per_channel(inverses);
  }
  BatchNormTerms terms() const { return {scale.data(), shift.data(), mean_floats.data(), inverse.data()}; }
};

TEST(TrainingKernelsTest, NormalizeAndPoolAsDefined) {
  const int channels = 2 * channel_block();
  Maps maps(5);
  const ReferenceMap x = maps.random_map(channels, 6, 8);
  const Norm norm(x, maps);
  const AlignedFloats input = Maps::blocked(x);
  AlignedFloats y(x.values.size());
  AlignedFloats pooled(x.values.size() / 4);
  training_kernels().normalize_pool(input.data(), y.data(), pooled.data(), {2, 6, 8}, norm.terms());
  const ReferenceMap expected = reference_relu(reference_batch_norm(x, norm.gamma, norm.beta, 1e-5));
  expect_near(Maps::plain(y, channels, 6, 8), expected, 1e-5);
  expect_near(Maps::plain(pooled, channels, 3, 4), reference_pool(expected), 1e-5);
}

/// The loss sum(u * relu(bn(x))) + sum(v * pool(relu(bn(x)))): BatchNorm, ReLU and pooling in one.
TEST(TrainingKernelsTest, BatchNormReluAndPoolingAgreeWithFiniteDifferences) {
  const int channels = 2 * channel_block();
  for (const bool pools : {false, true}) {
    Maps maps(pools ? 6 : 7);
    const ReferenceMap x = maps.random_map(channels, 6, 8);
    const ReferenceMap u = maps.random_map(channels, 6, 8);
    const ReferenceMap v = maps.random_map(channels, 3, 4);
    const Norm norm(x, maps);
    const auto loss = [&](const ReferenceMap& at, const Norm& n) {
      const ReferenceMap y = reference_relu(reference_batch_norm(at, n.gamma, n.beta, 1e-5));
      return dot(u.values, y.values) + (pools ? dot(v.values, reference_pool(y).values) : 0);
    };
    AlignedFloats dx = Maps::blocked(x);
    AlignedFloats dy = Maps::blocked(u);
    const AlignedFloats dp = Maps::blocked(v);
    std::vector<double> sums(static_cast<std::size_t>(channels));
    std::vector<double> products(static_cast<std::size_t>(channels));
    if (pools) {
      training_kernels().reduce_pool(dy.data(), dx.data(), dp.data(), {2, 6, 8}, norm.terms(), sums.data(),
                                     products.data());
    } else {
      training_kernels().reduce(dy.data(), dx.data(), {2, 6, 8}, norm.terms(), sums.data(), products.data());
    }
    std::vector<double> by_deviation, constant;
    for (int c = 0; c < channels; ++c) {
      const auto k = static_cast<std::size_t>(c);
      const double scale = static_cast<double>(norm.scale.data()[c]);
      by_deviation.push_back(-scale * static_cast<double>(norm.inverse.data()[c]) * products[k] / 48);
      constant.push_back(-scale * sums[k] / 48);
    }
    const AlignedFloats by = per_channel(by_deviation);
    const AlignedFloats constants = per_channel(constant);
    training_kernels().differentiate(dy.data(), dx.data(), {2, 6, 8}, norm.terms(),
                                     {by.data(), constants.data()});
    const ReferenceMap gradient = Maps::plain(dx, channels, 6, 8);

    constexpr double h = 1e-6;
    for (int trial = 0; trial < 40; ++trial) {
      ReferenceMap more = x;
      ReferenceMap less = x;
      const auto i = static_cast<std::size_t>(trial * 37) % x.values.size();
      more.values[i] += h;
      less.values[i] -= h;
      EXPECT_NEAR(gradient.values[i], (loss(more, norm) - loss(less, norm)) / (2 * h), 2e-5) << i;
    }
    for (int c = 0; c < channels; ++c) {
      const auto k = static_cast<std::size_t>(c);
      Norm more = Norm(x, maps);
      more.gamma = norm.gamma;
      more.beta = norm.beta;
      const double before = loss(x, more);
      more.gamma[k] += h;
      EXPECT_NEAR(products[k], (loss(x, more) - before) / h, 1e-3);
      more.gamma = norm.gamma;
      more.beta[k] += h;
      EXPECT_NEAR(sums[k], (loss(x, more) - before) / h, 1e-3);
    }
  }
}

TEST(TrainingKernelsTest, SpreadAndGatherAreInverse) {
  const int channels = channel_block();
  Maps maps(8);
  ReferenceMap x = maps.random_map(4 * channels, 3, 5);
  const AlignedFloats parts = Maps::blocked(x);
  AlignedFloats up(x.values.size());
  std::vector<double> bias;
  for (int c = 0; c < channels; ++c) bias.push_back(c);
  training_kernels().spread(parts.data(), up.data(), per_channel(bias).data(), {1, 3, 5});
  const ReferenceMap spread = Maps::plain(up, channels, 6, 10);
  for (int y = 0; y < 6; ++y) {
    for (int column = 0; column < 10; ++column) {
      const int part = y % 2 * 2 + column % 2;
      EXPECT_NEAR(spread.at(0, 3, y, column), x.at(0, part * channels + 3, y / 2, column / 2) + 3, 1e-5);
    }
  }
  AlignedFloats back(x.values.size());
  std::vector<double> sums(static_cast<std::size_t>(channels));
  const AlignedFloats without = Maps::blocked(spread);
  training_kernels().gather(without.data(), back.data(), sums.data(), {1, 3, 5});
  for (std::size_t i = 0; i < x.values.size(); ++i)
    x.values[i] += static_cast<double>((i / 15) % static_cast<std::size_t>(channels));
  expect_near(Maps::plain(back, 4 * channels, 3, 5), x, 1e-5);
  double total = 0;
  for (int i = 0; i < 60; ++i) total += spread.at(0, 5, i / 10, i % 10);
  EXPECT_NEAR(sums[5], total, 1e-4);
}

TEST(LossTest, GradientsAgreeWithFiniteDifferences) {
  for (const int outputs : {1, 2, 4}) {
    std::mt19937 random(static_cast<unsigned>(outputs));
    std::normal_distribution<float> normal;
    constexpr std::size_t pixels = 60;
    const Loss loss({0.7, 1.3, 2.0}, outputs);
    // Two images, to see that Dice is over both.
    std::vector<std::vector<float>> logits(2, std::vector<float>(pixels * static_cast<std::size_t>(outputs)));
    std::vector<std::vector<std::uint8_t>> labels(2, std::vector<std::uint8_t>(pixels));
    for (auto& image : logits) {
      for (float& z : image) z = 2 * normal(random);
    }
    for (auto& image : labels) {
      for (auto& l : image) l = static_cast<std::uint8_t>(random() % std::max(2U, unsigned(outputs)));
    }
    const auto sums_of = [&](std::vector<std::vector<float>> at) {
      LossSums sums;
      for (std::size_t n = 0; n < 2; ++n) sums.merge(loss.measure(at[n], labels[n]));
      return sums;
    };
    const LossSums sums = sums_of(logits);
    std::vector<float> gradient = logits[1];
    loss.measure(gradient, labels[1]);
    loss.differentiate(sums, gradient, labels[1]);
    for (std::size_t i = 0; i < gradient.size(); i += 7) {
      auto more = logits;
      auto less = logits;
      more[1][i] += 0.01F;
      less[1][i] -= 0.01F;
      const double difference = (loss.value(sums_of(more)).total - loss.value(sums_of(less)).total) / 0.02;
      EXPECT_NEAR(gradient[i], difference, 2e-5) << outputs << " outputs, " << i;
    }
  }
}

TEST(LossTest, StaysFiniteForHugeLogits) {
  const Loss loss({}, 1);
  std::vector<float> logits{1000, -1000, 1000, -1000};
  const std::vector<std::uint8_t> labels{1, 0, 0, 1};
  const LossSums sums = loss.measure(logits, labels);
  EXPECT_NEAR(loss.value(sums).cross_entropy, 500, 1e-3);
  loss.differentiate(sums, logits, labels);
  for (const float g : logits) EXPECT_TRUE(std::isfinite(g));
}

TEST(LossTest, RefusesLabelsThatAreNoClass) {
  std::vector<float> logits(2);
  const std::vector<std::uint8_t> labels{0, 2};
  EXPECT_THROW(Loss({}, 1).measure(logits, labels), std::invalid_argument);
  EXPECT_THROW(Loss({0, 0, 1}, 1), std::invalid_argument);
  EXPECT_THROW(Loss({1, 1, 0}, 1), std::invalid_argument);
  EXPECT_THROW(Loss({}, 0), std::invalid_argument);
}

TEST(AdamTest, FollowsItsFormula) {
  const AdamOptions options{0.8, 0.95, 1e-4, 0.1};
  std::vector<float> w{0.5F, -2.0F};
  std::vector<float> m(2), v(2);
  std::vector<double> ew{0.5, -2}, em(2), ev(2);
  for (int t = 1; t <= 5; ++t) {
    const std::vector<float> g{0.1F * static_cast<float>(t), -3.0F};
    adam_step(options, 0.02, t, w, g, m, v);
    for (std::size_t i = 0; i < 2; ++i) {
      const auto d = static_cast<double>(g[i]);
      em[i] = 0.8 * em[i] + 0.2 * d;
      ev[i] = 0.95 * ev[i] + 0.05 * d * d;
      ew[i] = ew[i] * (1 - 0.02 * 0.1) -
              0.02 * em[i] / (1 - std::pow(0.8, t)) / (std::sqrt(ev[i] / (1 - std::pow(0.95, t))) + 1e-4);
      EXPECT_NEAR(w[i], ew[i], 1e-6);
    }
  }
  EXPECT_THROW(adam_step(options, 0.1, 0, w, w, m, v), std::invalid_argument);
  EXPECT_THROW(adam_step(options, -1, 1, w, w, m, v), std::invalid_argument);
  EXPECT_THROW(adam_step(options, 0.1, 1, w, std::span(w).first(1), m, v), std::invalid_argument);
}

TEST(ScheduleTest, OneCycleRisesAndFalls) {
  EXPECT_NEAR(learning_rate(Schedule::one_cycle, 1, 0), 0.04, 1e-12);
  EXPECT_NEAR(learning_rate(Schedule::one_cycle, 1, 0.15), 0.52, 1e-12);
  EXPECT_NEAR(learning_rate(Schedule::one_cycle, 1, 0.3), 1, 1e-12);
  EXPECT_NEAR(learning_rate(Schedule::one_cycle, 1, 0.65), 0.500002, 1e-9);
  EXPECT_NEAR(learning_rate(Schedule::one_cycle, 1, 1), 4e-6, 1e-12);
}

TEST(ScheduleTest, CosineFallsAndConstantStays) {
  EXPECT_EQ(learning_rate(Schedule::cosine, 2, 0), 2);
  EXPECT_NEAR(learning_rate(Schedule::cosine, 2, 0.5), 1, 1e-12);
  EXPECT_NEAR(learning_rate(Schedule::cosine, 2, 1), 0, 1e-12);
  EXPECT_EQ(learning_rate(Schedule::constant, 2, 0.7), 2);
  EXPECT_THROW(learning_rate(Schedule::cosine, 2, 1.1), std::invalid_argument);
}

class TrainedModelTest : public testing::TestWithParam<UNet> {
 protected:
  TrainedModelTest() : trainer_(options(), serial) {
    std::mt19937 random(3);
    std::normal_distribution<float> normal;
    for (float& v : images_) v = normal(random);
    for (std::size_t i = 0; i < labels_.size(); ++i)
      labels_[i] = images_[i / pixels * channels() * pixels + i % pixels] > 0.8F;
    for (int i = 0; i < 5; ++i) trainer_.step(images_, labels_, 1e-2);
  }

  static Trainer::Options options() {
    Trainer::Options options;
    options.shape.network = GetParam();
    options.shape.batch = 2;
    options.shape.height = 64;
    options.shape.width = 48;
    return options;
  }

  static constexpr std::size_t pixels = std::size_t{64} * 48;
  static std::size_t channels() { return static_cast<std::size_t>(GetParam().input_channels); }

  std::vector<float> images_ = std::vector<float>(2 * channels() * pixels);
  std::vector<std::uint8_t> labels_ = std::vector<std::uint8_t>(2 * pixels);
  Trainer trainer_;
};

TEST_P(TrainedModelTest, PassesOnnxsCheckerAndKeepsItsMetadata) {
  const std::string onnx = trainer_.values().onnx({{"fibflow.threshold", "0.4"}});
  onnx::ModelProto model;
  ASSERT_TRUE(model.ParseFromString(onnx));
  EXPECT_NO_THROW(onnx::checker::check_model(model));
  const Network network = Network::parse(std::as_bytes(std::span(onnx)), "trained");
  EXPECT_EQ(network.metadata().at("fibflow.threshold"), "0.4");
  EXPECT_EQ(network.batch_norms().size(), static_cast<std::size_t>(4 * GetParam().depth + 2));
}

TEST_P(TrainedModelTest, PredictsInTheEngineWhatTheTrainerPredicts) {
  const std::string onnx = trainer_.values().onnx();
  const Network network = Network::parse(std::as_bytes(std::span(onnx)), "trained");
  const Inference inference(network, 64, 48);
  std::vector<float> logits(labels_.size());
  trainer_.evaluate(images_, logits);
  double squares = 0;
  for (const float z : logits) squares += static_cast<double>(z) * static_cast<double>(z);
  const double deviation = std::sqrt(squares / static_cast<double>(logits.size()));

  const auto plan = inference.plan({{0, 64}, {0, 48}}, PlanKind::measured);
  const Statistics statistics = network.source_statistics();
  Workspace workspace;
  std::vector<float> output(pixels);
  for (std::size_t n = 0; n < 2; ++n) {
    const auto image = std::span(images_).subspan(n * channels() * pixels, channels() * pixels);
    std::copy(image.begin(), image.end(), plan->input(workspace).begin());
    plan->run(workspace, *inference.weights(), &statistics, nullptr);
    plan->read_output(workspace, output);
    for (std::size_t i = 0; i < output.size(); ++i)
      ASSERT_NEAR(output[i], logits[n * output.size() + i], 1e-4 * deviation) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, TrainedModelTest,
                         testing::Values(UNet{.channels = 6, .depth = 3},
                                         UNet{.channels = 20, .depth = 0, .input_channels = 2, .kernel = 1}));

}  // namespace
}  // namespace fibflow::model
