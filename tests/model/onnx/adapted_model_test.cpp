// The adapted model is the same graph with new statistics: ONNX's own checker accepts it, it loads again, and
// it computes what the source model computes with those statistics.

#include <gtest/gtest.h>
#include <onnx/checker.h>
#include <onnx/onnx_pb.h>

#include <set>

#include "tests/fixtures/case_runner.h"

namespace fibflow::model {
namespace {

Statistics other_statistics(const Network& network) {
  Statistics s = network.source_statistics();
  float step = 0;
  for (LayerStatistics& layer : s.layers) {
    for (std::size_t c = 0; c < layer.mean.size(); ++c) {
      layer.mean[c] += 0.1F + 0.01F * step;
      layer.variance[c] = layer.variance[c] * 1.2F + 0.05F * (1 + step);
      step += 0.1F;
    }
  }
  return s;
}

onnx::ModelProto parsed(const std::string& bytes) {
  onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(bytes));
  return model;
}

Network reloaded(const std::string& bytes) {
  return Network::parse(std::as_bytes(std::span(bytes)), "adapted");
}

std::vector<Case> cases_with_batch_norm() {
  std::vector<Case> cases;
  for (Case& c : own_cases()) {
    if (c.expect == "exact" && !c.json.at("batch_norm_layers").empty()) cases.push_back(std::move(c));
  }
  return cases;
}

class AdaptedModelTest : public testing::TestWithParam<Case> {};

TEST_P(AdaptedModelTest, IsTheSameGraphWithOtherStatistics) {
  const CaseRunner source(GetParam(), 0);
  const Statistics adapted = other_statistics(source.network());
  const std::string bytes = source.network().with_statistics(adapted, {{"fibflow.adapted_on", "a test"}});
  const Network network = reloaded(bytes);
  EXPECT_EQ(network.source_statistics(), adapted);
  EXPECT_EQ(network.metadata().at("fibflow.adapted_on"), "a test");
  for (const auto& [key, value] : source.network().metadata())
    EXPECT_TRUE(network.metadata().contains(key)) << key;

  const onnx::ModelProto model = parsed(bytes);
  EXPECT_NO_THROW(onnx::checker::check_model(model));
  std::set<std::string> statistics;
  for (const onnx::NodeProto& node : model.graph().node()) {
    if (node.op_type() != "BatchNormalization") continue;
    EXPECT_TRUE(statistics.insert(node.input(3)).second) << node.input(3) << " is shared";
    EXPECT_TRUE(statistics.insert(node.input(4)).second) << node.input(4) << " is shared";
  }

  const Inference again(network, source.inference().height(), source.inference().width(),
                        source.inference().extension().top + source.inference().extension().bottom,
                        source.inference().extension().left + source.inference().extension().right);
  const Array input = GetParam().array(GetParam().json.at("input"));
  EXPECT_EQ(CaseRunner(again, 0).frozen(input, network.source_statistics()), source.frozen(input, adapted));
}

INSTANTIATE_TEST_SUITE_P(Idioms, AdaptedModelTest, testing::ValuesIn(cases_with_batch_norm()),
                         [](const auto& test) { return test.param.name; });

TEST(AdaptedModelTest, StatisticsOfAnotherNetworkAreRefused) {
  const Network network =
      Network::load(std::filesystem::path(FIBFLOW_TEST_FIXTURES) / "onnx/models/plain_opset13.onnx");
  Statistics fewer = network.source_statistics();
  fewer.layers.pop_back();
  EXPECT_THROW(network.with_statistics(fewer, {}), std::invalid_argument);
  Statistics narrower = network.source_statistics();
  narrower.layers[0].mean.pop_back();
  EXPECT_THROW(network.with_statistics(narrower, {}), std::invalid_argument);
}

TEST(AdaptedModelTest, ReplacesMetadataOfAnEarlierAdaptation) {
  const Network network =
      Network::load(std::filesystem::path(FIBFLOW_TEST_FIXTURES) / "onnx/models/plain_opset13.onnx");
  const Statistics s = network.source_statistics();
  const Network once = reloaded(network.with_statistics(s, {{"fibflow.adapted_on", "first"}}));
  const Network twice = reloaded(once.with_statistics(s, {{"fibflow.adapted_on", "second"}}));
  EXPECT_EQ(twice.metadata().at("fibflow.adapted_on"), "second");
}

}  // namespace
}  // namespace fibflow::model
