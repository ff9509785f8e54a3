// Whatever bytes a file holds, loading it either works or ends in a ModelError.

#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <sstream>

#include "model/tile/inference.h"
#include "model/tile/network.h"

namespace fibflow::model {
namespace {

std::string bytes_of(const std::string& name) {
  std::ostringstream text;
  text
      << std::ifstream(std::string(FIBFLOW_TEST_FIXTURES) + "/onnx/models/" + name, std::ios::binary).rdbuf();
  return text.str();
}

void expect_no_surprise(const std::string& bytes) {
  try {
    const Network network = Network::parse(std::as_bytes(std::span(bytes)), "damaged");
    const Inference inference(network, 40, 56);
    inference.cost({{0, 16}, {0, 16}}, PlanKind::measured);
  } catch (const ModelError& e) {
    EXPECT_EQ(std::string(e.what()).rfind("damaged: ", 0), 0U) << e.what();
  }
}

class DamagedModelTest : public testing::TestWithParam<const char*> {};

TEST_P(DamagedModelTest, ChangedBytesAreRefusedOrHarmless) {
  const std::string sound = bytes_of(GetParam());
  ASSERT_FALSE(sound.empty());
  std::mt19937 random(17);
  for (int round = 0; round < 300; ++round) {
    std::string damaged = sound;
    const int changes = 1 + static_cast<int>(random() % 4);
    for (int i = 0; i < changes; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
    expect_no_surprise(damaged);
  }
}

TEST_P(DamagedModelTest, AFileCutAnywhereIsRefusedOrHarmless) {
  const std::string sound = bytes_of(GetParam());
  for (std::size_t size = 0; size < sound.size(); size += 1 + sound.size() / 150)
    expect_no_surprise(sound.substr(0, size));
}

INSTANTIATE_TEST_SUITE_P(Models, DamagedModelTest,
                         testing::Values("plain_opset13.onnx", "pad_to_skip_opset13.onnx",
                                         "resize_to_skip_bilinear_opset11.onnx", "valid_crop_opset13.onnx"),
                         [](const auto& test) {
                           return std::string(test.param).substr(0, std::string(test.param).find('.'));
                         });

}  // namespace
}  // namespace fibflow::model
