// The adapted model is the same graph with new statistics: ONNX's own checker accepts it, it loads again, and
// it computes what the source model computes with those statistics.

#include <gtest/gtest.h>
#include <onnx/checker.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "tests/fixtures/case_runner.h"
#include "tests/fixtures/exact_cases.h"

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

/// A model whose node attributes hold a tensor, with that tensor and its initializers in a file beside it.
std::filesystem::path beside_itself(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  std::ifstream in(std::filesystem::path(FIBFLOW_TEST_FIXTURES) / "onnx/models/plain_opset13.onnx",
                   std::ios::binary);
  onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromIstream(&in));
  std::ofstream weights(folder / "weights.bin", std::ios::binary);
  std::int64_t offset = 0;
  const auto move_out = [&](onnx::TensorProto& tensor) {
    const std::string raw = tensor.raw_data();
    ASSERT_FALSE(raw.empty()) << tensor.name();
    weights << raw;
    tensor.clear_raw_data();
    tensor.set_data_location(onnx::TensorProto::EXTERNAL);
    for (const auto& [key, value] : {std::pair<std::string, std::string>{"location", "weights.bin"},
                                     {"offset", std::to_string(offset)},
                                     {"length", std::to_string(raw.size())}}) {
      auto& entry = *tensor.add_external_data();
      entry.set_key(key);
      entry.set_value(value);
    }
    offset += static_cast<std::int64_t>(raw.size());
  };
  // The first convolution's weights become the value of a Constant node.
  onnx::GraphProto& graph = *model.mutable_graph();
  onnx::NodeProto constant;
  constant.set_op_type("Constant");
  constant.set_name("weights");
  const auto conv = std::ranges::find_if(graph.node(), [](const auto& n) { return n.op_type() == "Conv"; });
  constant.add_output(conv->input(1));
  auto& tensors = *graph.mutable_initializer();
  const auto moved =
      std::ranges::find_if(tensors, [&](const auto& t) { return t.name() == constant.output(0); });
  onnx::AttributeProto& value = *constant.add_attribute();
  value.set_name("value");
  value.set_type(onnx::AttributeProto::TENSOR);
  *value.mutable_t() = *moved;
  move_out(*value.mutable_t());
  tensors.erase(moved);
  for (onnx::TensorProto& t : tensors) {
    if (t.data_type() == onnx::TensorProto::FLOAT) move_out(t);
  }
  *graph.add_node() = constant;
  for (int i = graph.node_size() - 1; i > 0; --i) graph.mutable_node()->SwapElements(i, i - 1);
  const std::filesystem::path file = folder / "model.onnx";
  std::ofstream out(file, std::ios::binary);
  EXPECT_TRUE(model.SerializeToOstream(&out));
  return file;
}

std::string content_of(const Network& network) {
  std::string content;
  network.visit_content([&](std::string_view part) { content += part; });
  return content;
}

TEST(AdaptedModelTest, CarriesTheWeightsThatLayBesideTheSourceWhereverItNamesThem) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "weights_beside";
  const Network source = Network::load(beside_itself(folder));
  const std::string bytes = source.with_statistics(source.source_statistics(), {});
  EXPECT_EQ(bytes.find("weights.bin"), std::string::npos);
  std::filesystem::remove_all(folder);
  const Network alone = reloaded(bytes);
  const Network original =
      Network::load(std::filesystem::path(FIBFLOW_TEST_FIXTURES) / "onnx/models/plain_opset13.onnx");
  const Inference ours(alone, 32, 32);
  const Inference theirs(original, 32, 32);
  const Array slice = random_slice(ours, 3);
  EXPECT_EQ(CaseRunner(ours, 0).frozen(slice, alone.source_statistics()),
            CaseRunner(theirs, 0).frozen(slice, original.source_statistics()));
}

TEST(AdaptedModelTest, ContentTellsWeightsApartWhereverTheyLie) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "content";
  const std::filesystem::path file = beside_itself(folder);
  const std::string content = content_of(Network::load(file));
  EXPECT_EQ(content, content_of(Network::load(file)));
  const auto size = std::filesystem::file_size(folder / "weights.bin");
  for (const std::uintmax_t at :
       {std::uintmax_t{3}, size - 1}) {  // of the Constant's tensor, of an initializer
    std::fstream weights(folder / "weights.bin", std::ios::binary | std::ios::in | std::ios::out);
    weights.seekg(static_cast<std::streamoff>(at));
    const int before = weights.get();
    weights.seekp(static_cast<std::streamoff>(at));
    weights.put(static_cast<char>(before ^ 1));
    weights.close();
    EXPECT_NE(content_of(Network::load(file)), content) << "byte " << at;
    std::fstream again(folder / "weights.bin", std::ios::binary | std::ios::in | std::ios::out);
    again.seekp(static_cast<std::streamoff>(at));
    again.put(static_cast<char>(before));
  }
}

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
