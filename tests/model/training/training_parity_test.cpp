#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/training/trainer.h"

namespace fibflow::model {
namespace {

/// Two steps of training as PyTorch does them; see tests/fixtures/training/make_fixtures.py.
struct TrainingCase {
  std::string name;
  nlohmann::json json;
  std::vector<float> floats;

  std::span<const float> part(const std::string& key) const {
    const auto& place = json.at("parts").at(key);
    return std::span<const float>(floats).subspan(place.at(0).get<std::size_t>(),
                                                  place.at(1).get<std::size_t>());
  }

  Trainer::Options options() const {
    Trainer::Options options;
    options.shape.network.channels = json.at("channels");
    options.shape.network.depth = json.at("depth");
    options.shape.network.output_channels = json.at("outputs");
    options.shape.batch = json.at("batch");
    options.shape.height = json.at("height");
    options.shape.width = json.at("width");
    options.adam.epsilon = json.at("epsilon");
    options.adam.weight_decay = json.at("decay");
    return options;
  }
};

void serial(int count, const std::function<void(int)>& body) {
  for (int i = 0; i < count; ++i) body(i);
}

std::vector<TrainingCase> training_cases() {
  const std::string folder = std::string(FIBFLOW_TEST_FIXTURES) + "/training/";
  std::ifstream index(folder + "cases.json");
  std::vector<TrainingCase> cases;
  for (const nlohmann::json& entry : nlohmann::json::parse(index)) {
    TrainingCase c{entry.at("name"), entry, {}};
    std::ifstream file(folder + c.name + ".f32", std::ios::binary | std::ios::ate);
    c.floats.resize(static_cast<std::size_t>(file.tellg()) / sizeof(float));
    file.seekg(0);
    file.read(reinterpret_cast<char*>(c.floats.data()),
              static_cast<std::streamsize>(c.floats.size() * sizeof(float)));
    cases.push_back(std::move(c));
  }
  return cases;
}

/// Prints as its name.
void PrintTo(const TrainingCase& c, std::ostream* out) {
  *out << c.name;
}

class TrainingParityTest : public testing::TestWithParam<TrainingCase> {
 protected:
  TrainingParityTest() : trainer_(GetParam().options(), serial) {
    // A trainer's state is its step number, then its values and Adam's moments.
    const auto initial = GetParam().part("initial");
    std::string state = trainer_.state();
    std::copy_n(reinterpret_cast<const char*>(initial.data()), initial.size_bytes(),
                state.begin() + sizeof(std::int64_t));
    trainer_.restore(state);
  }

  LossValue step(std::size_t number) {
    const auto images = GetParam().part("images");
    const auto labels = GetParam().part("labels");
    const std::size_t n = images.size() / 2;
    const std::vector<std::uint8_t> classes(labels.begin() + static_cast<std::ptrdiff_t>(number * n),
                                            labels.begin() + static_cast<std::ptrdiff_t>((number + 1) * n));
    return trainer_.step(images.subspan(number * n, n), classes, GetParam().json.at("rate"));
  }

  /// The largest difference within each tensor, relative to the tensor's largest value, and where.
  std::pair<double, std::string> worst(const UNetValues& own, std::span<const float> theirs) const {
    std::pair<double, std::string> result{0, "nowhere"};
    EXPECT_EQ(own.all().size(), theirs.size());
    std::size_t begin = 0;
    for (const UNetTensor& tensor : own.tensors()) {
      const auto values = own[tensor.name];
      double largest = 1e-6;
      double difference = 0;
      for (std::size_t i = 0; i < values.size(); ++i) {
        largest = std::max(largest, std::abs(static_cast<double>(theirs[begin + i])));
        difference = std::max(difference, std::abs(static_cast<double>(values[i] - theirs[begin + i])));
      }
      if (!(difference / largest <= result.first)) result = {difference / largest, tensor.name};
      begin += values.size();
    }
    return result;
  }

  Trainer trainer_;
};

TEST_P(TrainingParityTest, TakesTheStepsThatPyTorchTakes) {
  const auto& losses = GetParam().json.at("losses");
  const LossValue first = step(0);
  EXPECT_NEAR(first.cross_entropy, losses.at(0).at(0).get<double>(), 2e-6);
  EXPECT_NEAR(first.dice, losses.at(0).at(1).get<double>(), 2e-6);
  EXPECT_NEAR(first.total, first.cross_entropy + first.dice, 1e-12);
  const auto [gradient_error, gradient_where] = worst(trainer_.gradients(), GetParam().part("gradients"));
  EXPECT_LT(gradient_error, 1e-4) << gradient_where;

  const LossValue second = step(1);
  EXPECT_NEAR(second.cross_entropy, losses.at(1).at(0).get<double>(), 1e-5);
  EXPECT_NEAR(second.dice, losses.at(1).at(1).get<double>(), 1e-5);
  // Weights and running statistics.
  const auto [error, where] = worst(trainer_.values(), GetParam().part("trained"));
  EXPECT_LT(error, 5e-5) << where;
  RecordProperty("gradient_error", std::to_string(gradient_error));
  RecordProperty("weight_error", std::to_string(error));

  const auto images = GetParam().part("images");
  const auto logits = GetParam().part("logits");
  std::vector<float> own(logits.size());
  trainer_.evaluate(images.first(images.size() / 2), own);
  for (std::size_t i = 0; i < own.size(); ++i) ASSERT_NEAR(own[i], logits[i], 2e-4) << i;
}

INSTANTIATE_TEST_SUITE_P(All, TrainingParityTest, testing::ValuesIn(training_cases()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace fibflow::model
