#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include <array>
#include <cmath>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "model/onnx/half.h"
#include "model/tile/inference.h"
#include "model/tile/network.h"

namespace fibflow::model {
namespace {

using onnx::TensorProto;

/// An ONNX model, node by node: image "image", whose map of logits "x" has `maps` channels (2 x - 1, 1 - x, ...).
class Model {
 public:
  explicit Model(int maps = 1, int image_type = TensorProto::FLOAT, bool channels_last = false) {
    proto_.set_ir_version(8);
    proto_.add_opset_import()->set_version(13);
    graph().set_name("net");
    auto& image = *graph().add_input();
    image.set_name("image");
    auto& type = *image.mutable_type()->mutable_tensor_type();
    type.set_elem_type(image_type);
    for (const int dim : channels_last ? std::array{1, 0, 0, 1} : std::array{1, 1, 0, 0}) {
      auto& d = *type.mutable_shape()->add_dim();
      if (dim > 0) d.set_dim_value(dim);
      if (dim == 0) d.set_dim_param("n");
    }
    std::vector<float> weights;
    std::vector<float> biases;
    for (int m = 0; m < maps; ++m) {
      weights.push_back(m % 2 == 0 ? 2.0F : -1.0F);
      biases.push_back(m % 2 == 0 ? -1.0F : 1.0F);
    }
    floats("w", weights, {maps, 1, 1, 1});
    floats("b", biases, {maps});
    std::string door = "image";
    if (image_type != TensorProto::FLOAT) door = cast(door, "as_float", TensorProto::FLOAT);
    if (channels_last) door = transposed(door, "first", {0, 3, 1, 2});
    node("Conv", {door, "w", "b"}, "x");
  }

  onnx::GraphProto& graph() { return *proto_.mutable_graph(); }
  void opset(int version) { proto_.mutable_opset_import(0)->set_version(version); }
  void metadata(const std::string& key, const std::string& value) {
    auto& entry = *proto_.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }

  void floats(const std::string& name, const std::vector<float>& values, const std::vector<int>& dims = {}) {
    auto& t = *graph().add_initializer();
    t.set_name(name);
    t.set_data_type(TensorProto::FLOAT);
    for (const int dim : dims) t.add_dims(dim);
    t.set_raw_data(values.data(), values.size() * sizeof(float));
  }
  void ints(const std::string& name, const std::vector<std::int64_t>& values) {
    auto& t = *graph().add_initializer();
    t.set_name(name);
    t.set_data_type(TensorProto::INT64);
    t.add_dims(static_cast<std::int64_t>(values.size()));
    t.set_raw_data(values.data(), values.size() * sizeof(std::int64_t));
  }
  onnx::NodeProto& node(const std::string& op, const std::vector<std::string>& inputs,
                        const std::string& output) {
    auto& n = *graph().add_node();
    n.set_op_type(op);
    n.set_name(output + "_node");
    for (const std::string& input : inputs) n.add_input(input);
    n.add_output(output);
    return n;
  }
  std::string cast(const std::string& input, const std::string& output, int type) {
    attribute(node("Cast", {input}, output), "to", type);
    return output;
  }
  std::string transposed(const std::string& input, const std::string& output,
                         const std::vector<std::int64_t>& perm) {
    auto& a = *node("Transpose", {input}, output).add_attribute();
    a.set_name("perm");
    a.set_type(onnx::AttributeProto::INTS);
    for (const std::int64_t axis : perm) a.add_ints(axis);
    return output;
  }
  static void attribute(onnx::NodeProto& node, const std::string& name, std::int64_t value) {
    auto& a = *node.add_attribute();
    a.set_name(name);
    a.set_type(onnx::AttributeProto::INT);
    a.set_i(value);
  }
  void output(const std::string& name) { graph().add_output()->set_name(name); }

  Network network(const std::string& output_map = {}) const {
    const std::string bytes = proto_.SerializeAsString();
    return Network::parse(std::as_bytes(std::span(bytes)), "model.onnx", output_map);
  }

 private:
  onnx::ModelProto proto_;
};

std::string refusal_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const ModelError& error) {
    return error.what();
  }
  return "accepted";
}

/// What it gives for an image of 2 x 3 pixels: 0, 0.2, 0.4, ... times the gray levels.
std::vector<float> run(const Network& network) {
  const Inference inference(network, 2, 3);
  const auto plan = inference.plan({{0, 2}, {0, 3}}, PlanKind::frozen);
  Workspace workspace;
  float next = 0;
  for (float& voxel : plan->input(workspace)) {
    voxel = next * static_cast<float>(network.input_gray_levels());
    next += 0.2F;
  }
  plan->run(workspace, *inference.freeze(network.source_statistics()), nullptr, nullptr);
  std::vector<float> output(6 * static_cast<std::size_t>(network.output_channels()));
  plan->read_output(workspace, output);
  return output;
}

struct Head {
  const char* name;
  OutputKind kind;
  std::function<std::string(Model&)>
      make;  ///< adds nodes behind "x", gives the name of the last one's result
};

const Head heads[] = {
    {"none", OutputKind::logits, [](Model&) { return "x"; }},
    {"sigmoid", OutputKind::sigmoid, [](Model& m) { return m.node("Sigmoid", {"x"}, "s").output(0); }},
    {"sigmoid_identity", OutputKind::sigmoid,
     [](Model& m) {
       m.node("Sigmoid", {"x"}, "s");
       return m.node("Identity", {"s"}, "i").output(0);
     }},
    {"hard_sigmoid", OutputKind::sigmoid,
     [](Model& m) { return m.node("HardSigmoid", {"x"}, "s").output(0); }},
    {"clip_of_logits", OutputKind::sigmoid,
     [](Model& m) {
       m.floats("low", {0});
       m.floats("high", {1});
       return m.node("Clip", {"x", "low", "high"}, "c").output(0);
     }},
    {"clip_of_sigmoid", OutputKind::sigmoid,
     [](Model& m) {
       m.floats("low", {1e-7F});
       m.floats("high", {0.9999F});
       m.node("Sigmoid", {"x"}, "s");
       return m.node("Clip", {"s", "low", "high"}, "c").output(0);
     }},
    {"clip_of_one_side", OutputKind::other,
     [](Model& m) {
       m.floats("low", {0});
       return m.node("Clip", {"x", "low"}, "c").output(0);
     }},
    {"wide_clip", OutputKind::logits,
     [](Model& m) {
       m.floats("low", {-15});
       m.floats("high", {15});
       return m.node("Clip", {"x", "low", "high"}, "c").output(0);
     }},
    {"one_minus", OutputKind::sigmoid,
     [](Model& m) {
       m.floats("one", {1});
       m.node("Sigmoid", {"x"}, "s");
       return m.node("Sub", {"one", "s"}, "d").output(0);
     }},
    {"tanh_to_unit", OutputKind::sigmoid,
     [](Model& m) {
       m.floats("one", {1});
       m.floats("two", {2});
       m.node("Tanh", {"x"}, "t");
       m.node("Add", {"t", "one"}, "a");
       return m.node("Div", {"a", "two"}, "d").output(0);
     }},
    {"mean_of_two", OutputKind::sigmoid,
     [](Model& m) {
       m.floats("half", {0.5F});
       m.node("Sigmoid", {"x"}, "s");
       m.node("Neg", {"x"}, "n");
       m.node("Sigmoid", {"n"}, "t");
       m.node("Add", {"s", "t"}, "a");
       return m.node("Mul", {"a", "half"}, "d").output(0);
     }},
    {"product_of_two", OutputKind::sigmoid,
     [](Model& m) {
       m.node("Sigmoid", {"x"}, "s");
       m.node("HardSigmoid", {"x"}, "t");
       return m.node("Mul", {"s", "t"}, "d").output(0);
     }},
    {"tanh", OutputKind::other, [](Model& m) { return m.node("Tanh", {"x"}, "t").output(0); }},
    {"relu", OutputKind::other, [](Model& m) { return m.node("Relu", {"x"}, "r").output(0); }},
    {"times_255", OutputKind::other,
     [](Model& m) {
       m.floats("white", {255});
       m.node("Sigmoid", {"x"}, "s");
       return m.node("Mul", {"s", "white"}, "d").output(0);
     }},
    {"times_unknown", OutputKind::logits,
     [](Model& m) {
       m.node("Sigmoid", {"x"}, "s");
       return m.node("Mul", {"s", "x"}, "d").output(0);
     }},
};

class HeadTest : public ::testing::TestWithParam<Head> {};

TEST_P(HeadTest, IsKnownByTheBoundsOfItsValues) {
  Model model;
  model.output(GetParam().make(model));
  const Network network = model.network();
  EXPECT_EQ(network.output(), GetParam().kind) << network.spoken_output();
  const bool usable = GetParam().kind != OutputKind::other;
  EXPECT_EQ(refusal_of([&] { network.require_segmentation(); }) == "accepted", usable);
  if (GetParam().kind != OutputKind::sigmoid) return;
  for (const float p : run(network)) {
    EXPECT_GE(p, 0);
    EXPECT_LE(p, 1);
  }
}

INSTANTIATE_TEST_SUITE_P(Heads, HeadTest, ::testing::ValuesIn(heads),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(OutputTest, ARefusalNamesBoundsNodeAndTheProbabilityThatComesBefore) {
  Model model;
  model.floats("white", {255});
  model.node("Sigmoid", {"x"}, "s");
  model.node("Mul", {"s", "white"}, "gray");
  model.output("gray");
  const std::string refusal = refusal_of([&] { model.network().require_segmentation(); });
  for (const char* part :
       {"model.onnx", "node 'gray_node' (Mul)", "values between 0 and 255", "--output-map s"})
    EXPECT_NE(refusal.find(part), std::string::npos) << refusal;
  const Network chosen = model.network("s");
  EXPECT_EQ(chosen.output(), OutputKind::sigmoid);
  EXPECT_NEAR(run(chosen)[1], 1 / (1 + std::exp(0.6F)), 1e-6);
}

TEST(OutputTest, ASoftmaxIsOneOverAllItsChannelsAndAPartOfItAProbability) {
  Model model(2);
  Model::attribute(model.node("Softmax", {"x"}, "s"), "axis", 1);
  model.output("s");
  EXPECT_EQ(model.network().output(), OutputKind::softmax);
  const Network second = model.network("1");
  EXPECT_EQ(second.output(), OutputKind::sigmoid);
  EXPECT_EQ(second.output_channels(), 1);
  EXPECT_EQ(second.output_map(), "1");
  const auto p = run(second);
  EXPECT_NEAR(p[0], std::exp(1.0F) / (std::exp(1.0F) + std::exp(-1.0F)), 1e-6);
}

TEST(OutputTest, SeveralSigmoidMapsAreRefusedUnlessOneIsChosen) {
  Model model(3);
  model.node("Sigmoid", {"x"}, "s");
  model.output("s");
  const std::string refusal = refusal_of([&] { model.network().require_segmentation(); });
  EXPECT_NE(refusal.find("3 maps of probabilities, each for itself"), std::string::npos) << refusal;
  EXPECT_NE(refusal.find("--output-map 0"), std::string::npos) << refusal;
  EXPECT_EQ(refusal_of([&] { model.network("1").require_segmentation(); }), "accepted");
  EXPECT_NEAR(run(model.network("1"))[0], 1 / (1 + std::exp(-1.0F)), 1e-6);
  EXPECT_NEAR(run(model.network("s:2"))[0], 1 / (1 + std::exp(1.0F)), 1e-6);
  EXPECT_NE(refusal_of([&] { model.network("7"); }).find("takes channels that its input does not have"),
            std::string::npos);
}

TEST(OutputTest, OfSeveralOutputsOneIsChosenByOptionOrMetadata) {
  Model model(2);
  model.node("Sigmoid", {"x"}, "other");
  model.output("x");
  model.output("other");
  const std::string refusal = refusal_of([&] { model.network(); });
  for (const char* part : {"has 2 outputs ('x', 'other')", "--output-map x"})
    EXPECT_NE(refusal.find(part), std::string::npos) << refusal;
  EXPECT_EQ(model.network("x").output(), OutputKind::logits);
  EXPECT_EQ(model.network("x").output_channels(), 2);
  EXPECT_EQ(model.network("other:0").output_channels(), 1);
  EXPECT_NE(refusal_of([&] { model.network("nothing"); }).find("makes no 'nothing'"), std::string::npos);
  model.metadata("fibflow.output_map", "other:1");
  EXPECT_EQ(model.network().output(), OutputKind::sigmoid);
  EXPECT_EQ(model.network("x").output(), OutputKind::logits);
}

TEST(OutputTest, AnotherMapIsAnotherContent) {
  Model model(2);
  model.output("x");
  const auto content = [](const Network& network) {
    std::string all;
    network.visit_content([&](std::string_view part) { all += part; });
    return all;
  };
  EXPECT_NE(content(model.network("0")), content(model.network("1")));
}

TEST(InputTest, ChannelsMayBeLastAtTheDoorAndInTheResult) {
  Model plain(2);
  plain.node("Sigmoid", {"x"}, "s");
  plain.output("s");
  Model last(2, TensorProto::FLOAT, true);
  last.transposed("x", "x_last", {0, 2, 3, 1});
  last.node("Sigmoid", {"x_last"}, "s");
  last.output("s");
  EXPECT_EQ(run(last.network()), run(plain.network()));
  EXPECT_EQ(last.network().output(), OutputKind::sigmoid);
}

TEST(InputTest, GrayLevelsAreTakenWhereTheNetworkTurnsThemIntoFloatsItself) {
  Model model(1, TensorProto::UINT8);
  model.output("x");
  EXPECT_EQ(model.network().input_gray_levels(), 255);
  EXPECT_NEAR(run(model.network())[1], 2 * 51 - 1, 1e-4);
  EXPECT_EQ(Model(1, TensorProto::UINT16).network("x").input_gray_levels(), 65535);
}

TEST(InputTest, HalvesAreReadAndWrittenToTheNearest) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = float_of_half(static_cast<std::uint16_t>(bits));
    if (std::isfinite(value)) {
      EXPECT_EQ(half_of_float(value), bits);
    }
  }
  EXPECT_EQ(float_of_half(0x3c00), 1);
  EXPECT_EQ(float_of_half(0xc000), -2);
  EXPECT_EQ(float_of_half(0x7bff), 65504);
  EXPECT_EQ(float_of_half(0x0001), std::ldexp(1.0F, -24));
  EXPECT_TRUE(std::isinf(float_of_half(0x7c00)));
  EXPECT_TRUE(std::isnan(float_of_half(0x7e00)));
  EXPECT_EQ(half_of_float(1e9F), 0x7bff);
  EXPECT_EQ(half_of_float(1 + std::ldexp(1.0F, -11)), 0x3c00);      // a tie goes to the even one
  EXPECT_EQ(half_of_float(1 + 3 * std::ldexp(1.0F, -11)), 0x3c02);  // upwards, too
  EXPECT_EQ(half_of_float(2 - std::ldexp(1.0F, -13)), 0x4000);
}

TEST(OpsetTest, TwentyThreeIsReadAndTwentyFourRefused) {
  Model model;
  model.output("x");
  model.opset(23);
  EXPECT_EQ(run(model.network()).size(), 6U);
  model.opset(24);
  EXPECT_NE(refusal_of([&] { model.network(); }).find("uses opset 24; 11 to 23"), std::string::npos);
}

TEST(OpsetTest, PadAndResizeMayNameTheirAxesAndSplitItsParts) {
  Model model(3);
  model.opset(18);
  auto& split = model.node("Split", {"x"}, "large");
  split.add_output("small");
  Model::attribute(split, "axis", 1);
  Model::attribute(split, "num_outputs", 2);
  model.ints("pads", {1, -1});  // a row more above, one less below
  model.ints("rows", {-2});
  model.node("Pad", {"small", "pads", "", "rows"}, "padded");
  for (const auto& [name, scale] : {std::pair{"twice", 2.0F}, {"once", 0.5F}}) {
    model.floats(std::string(name) + "_scale", {scale}, {1});
    auto& resize = model.node(
        "Resize", {std::string(name) == "twice" ? "padded" : "twice", "", std::string(name) + "_scale"},
        name);
    auto& axes = *resize.add_attribute();
    axes.set_name("axes");
    axes.set_type(onnx::AttributeProto::INTS);
    axes.add_ints(2);
  }
  model.output("once");
  // The third map, of 2 x - 1, one row lower.
  const auto result = run(model.network());
  ASSERT_EQ(result.size(), 6U);
  for (std::size_t x = 0; x < 3; ++x) {
    EXPECT_NEAR(result[x], 0, 1e-6);
    EXPECT_NEAR(result[3 + x], 2 * 0.2F * static_cast<float>(x) - 1, 1e-6);
  }
}

TEST(OpsetTest, ResizingThatSmoothsIsRefusedWhereItMakesSmaller) {
  for (const float scale : {0.5F, 2.0F}) {
    Model model;
    model.opset(18);
    model.floats("scales", {1, 1, scale, scale}, {4});
    auto& resize = model.node("Resize", {"x", "", "scales"}, "resized");
    Model::attribute(resize, "antialias", 1);
    auto& mode = *resize.add_attribute();
    mode.set_name("mode");
    mode.set_type(onnx::AttributeProto::STRING);
    mode.set_s("linear");
    model.floats("back", {1, 1, 1 / scale, 1 / scale}, {4});
    auto& back = model.node("Resize", {"resized", "", "back"}, "y");
    back.mutable_attribute()->CopyFrom(resize.attribute());
    back.mutable_attribute(0)->set_i(0);
    model.output("y");
    const std::string refusal = refusal_of([&] { model.network(); });
    EXPECT_EQ(refusal.find("antialias") != std::string::npos, scale < 1) << refusal;
  }
}

// Each was minutes, or gigabytes.
TEST(RefusalTest, ConstantsThatAFileOnlyClaimsAreRefusedAtOnce) {
  const auto with = [](const std::function<void(Model&)>& add) {
    Model model;
    model.output("x");
    add(model);
    return refusal_of([&] { model.network(); });
  };
  EXPECT_NE(with([](Model& m) {
              m.ints("shape", {2048, 2048});
              m.node("ConstantOfShape", {"shape"}, "c");
              std::vector<std::string> many(1000, "c");
              Model::attribute(m.node("Concat", many, "all"), "axis", 0);
            }).find("unusable size"),
            std::string::npos);
  EXPECT_NE(with([](Model& m) {
              m.ints("shape", {2048, 2048});
              for (int i = 0; i < 1000; ++i) m.node("ConstantOfShape", {"shape"}, "c" + std::to_string(i));
            }).find("more constants are computed"),
            std::string::npos);
  EXPECT_NE(with([](Model& m) { m.floats("many", {1}, std::vector<int>(1000, 1)); }).find("impossible shape"),
            std::string::npos);
  EXPECT_NE(with([](Model& m) {
              m.floats("nothing", {}, {1 << 20, 1 << 10, 0});
              Model::attribute(m.node("Concat", {"nothing", "nothing"}, "both"), "axis", 2);
              m.ints("first", {0});
              Model::attribute(m.node("Gather", {"both", "first"}, "one"), "axis", 1);
            }).find("unusable size"),
            std::string::npos);
}

TEST(RefusalTest, NamesTheCauseAndTheWayOut) {
  Model decides;
  decides.node("ArgMax", {"x"}, "y");
  decides.output("y");
  EXPECT_NE(refusal_of([&] { decides.network(); }).find("export the model without it, with its logits"),
            std::string::npos);
  EXPECT_EQ(decides.network("x").output(), OutputKind::logits);
  Model measures;
  measures.floats("scale", {1}, {1});
  measures.floats("shift", {0}, {1});
  measures.node("InstanceNormalization", {"x", "scale", "shift"}, "y");
  measures.output("y");
  EXPECT_NE(refusal_of([&] { measures.network(); }).find("train the network with BatchNorm instead"),
            std::string::npos);
  const std::string checkpoint = std::string("PK\3\4", 4) + "archive/data.pkl";
  const std::string refusal =
      refusal_of([&] { Network::parse(std::as_bytes(std::span(checkpoint)), "weights.pth"); });
  EXPECT_NE(refusal.find("is a PyTorch checkpoint"), std::string::npos) << refusal;
  EXPECT_NE(refusal.find("tools/export_onnx.py"), std::string::npos) << refusal;
}

}  // namespace
}  // namespace fibflow::model
