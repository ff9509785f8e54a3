#include "model/tile/network.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "model/statistics/counted_area.h"
#include "model/tile/inference.h"
#include "model/training/unet.h"

namespace fibflow::model {
namespace {

const std::filesystem::path models = std::filesystem::path(FIBFLOW_TEST_FIXTURES) / "onnx/models";

Network unet(int channels, int depth, int classes = 1) {
  const std::string bytes =
      unet_onnx({.channels = channels, .depth = depth, .output_channels = classes},
                [](const UNetTensor& t) { return initial_values(t, 3); }, {{"fibflow.threshold", "0.4"}});
  return Network::parse(std::as_bytes(std::span(bytes)), "unet.onnx");
}

TEST(NetworkTest, SaysWhatItIs) {
  const Network n = unet(16, 4, 3);
  EXPECT_EQ(n.name(), "unet.onnx");
  EXPECT_EQ(n.input_channels(), 1);
  EXPECT_EQ(n.output_channels(), 3);
  EXPECT_EQ(n.output(), OutputKind::logits);
  EXPECT_EQ(n.batch_norms().size(), 18U);
  EXPECT_EQ(n.batch_norms().front().channels, 16);
  EXPECT_EQ(n.operators().at("ConvTranspose"), 4);
  EXPECT_EQ(n.metadata().at("fibflow.threshold"), "0.4");
  EXPECT_EQ(n.stride(), 16);
}

TEST(NetworkTest, ReceptiveFieldFollowsFromTheGraph) {
  // By hand for one level: two 3 x 3 convolutions reach 2 pixels, two more at half the resolution 4, after a
  // pooling and before an upsampling that shift by up to one pixel, two more 2: 2 + 4 + 2 = 8, and 1 for the
  // phase.
  EXPECT_EQ(unet(4, 1).receptive_field_radius(), 9);
  EXPECT_EQ(unet(4, 4).receptive_field_radius(), 107);  // 92 by the sums alone and up to 15 for the phase
}

TEST(NetworkTest, APixelOutsideTheReceptiveFieldDoesNotMatterAndOneAtItsRimDoes) {
  const Network n = unet(4, 1);
  const int size = 64;
  const Inference inference(n, size, size);
  const auto plan = inference.plan({{0, size}, {0, size}}, PlanKind::frozen);
  const auto weights = inference.freeze(n.source_statistics());
  const auto logits = [&](int changed) {
    Workspace w;
    const std::span<float> in = plan->input(w);
    std::fill(in.begin(), in.end(), 0.5F);
    if (changed >= 0) in[static_cast<std::size_t>(32 * size + changed)] = 100;
    plan->run(w, *weights, nullptr, nullptr);
    std::vector<float> out(static_cast<std::size_t>(size) * size);
    plan->read_output(w, out);
    return out;
  };
  const std::vector<float> before = logits(-1);
  int reach = 0;
  for (const int at : {32, 33}) {
    const std::vector<float> after = logits(at);
    for (int x = 0; x < size; ++x) {
      for (int y = 0; y < size; ++y) {
        const auto i = static_cast<std::size_t>(y * size + x);
        if (after[i] != before[i]) reach = std::max({reach, std::abs(x - at), std::abs(y - 32)});
      }
    }
  }
  EXPECT_EQ(reach, n.receptive_field_radius());
}

TEST(InferenceTest, RefusesCoresOutsideTheSliceAndEmptySlices) {
  const Network n = unet(4, 1);
  const Inference inference(n, 32, 32);
  EXPECT_THROW(inference.plan({{0, 33}, {0, 32}}, PlanKind::frozen), std::invalid_argument);
  EXPECT_THROW(inference.plan({{4, 4}, {0, 32}}, PlanKind::frozen), std::invalid_argument);
  EXPECT_THROW(Inference(n, 0, 32), std::invalid_argument);
}

TEST(InferenceTest, SlicesOfAnySizeAreExtendedToOneThatFits) {
  const Network n = unet(4, 3);
  for (const int size : {1, 2, 7, 8, 9, 33, 41}) {
    const Inference inference(n, size, size + 3);
    const auto e = inference.extension();
    EXPECT_EQ((size + e.top + e.bottom) % 8, 0) << size;
    EXPECT_EQ((size + 3 + e.left + e.right) % 8, 0) << size;
    EXPECT_EQ(e.top, 0);
    const auto plan = inference.plan({{0, size}, {0, size + 3}}, PlanKind::measured);
    Workspace w;
    const std::span<float> in = plan->input(w);
    std::fill(in.begin(), in.end(), 0.25F);
    Moments m;
    const Statistics s = n.source_statistics();
    plan->run(w, *inference.weights(), &s, &m);
    EXPECT_EQ(m.layers.front().count, size * (size + 3)) << "only the slice's own pixels count";
  }
}

TEST(InferenceTest, EveryLayerHasPixelsToMeasureHoweverSmallTheSlice) {
  for (const char* model : {"plain_opset13.onnx", "pad_to_skip_opset13.onnx", "valid_crop_opset13.onnx"}) {
    const Network network = Network::load(models / model);
    for (const auto& [height, width] :
         {std::pair(1, 1), std::pair(2, 3), std::pair(1, 70), std::pair(70, 4)}) {
      const Inference inference(network, height, width);
      const CountedArea all(height, width, 128, {1});
      const auto pixels_of = [&](const Region& core) {
        return inference.plan(core, PlanKind::measured)->counted_pixels(all);
      };
      const auto whole = pixels_of({{0, height}, {0, width}});
      std::vector<long long> of_parts(whole.size(), 0);
      for (const Interval y : {Interval{0, height / 2}, Interval{height / 2, height}}) {
        for (const Interval x : {Interval{0, width / 2}, Interval{width / 2, width}}) {
          if (Region{y, x}.empty()) continue;
          const auto part = pixels_of({y, x});
          for (std::size_t layer = 0; layer < part.size(); ++layer) of_parts[layer] += part[layer];
        }
      }
      for (std::size_t layer = 0; layer < whole.size(); ++layer) {
        EXPECT_GT(whole[layer], 0) << model << ", " << height << " x " << width << ", layer " << layer;
        EXPECT_EQ(of_parts[layer], whole[layer]) << model << ", " << height << " x " << width;
      }
    }
  }
}

TEST(InferenceTest, PlansMayRunInParallel) {
  const Network n = unet(8, 2);
  const Inference inference(n, 64, 48);
  const Statistics s = n.source_statistics();
  const auto run = [&](std::vector<float>& out, Moments& moments) {
    for (int repeat = 0; repeat < 5; ++repeat) {
      const auto plan = inference.plan({{0, 64}, {0, 48}}, PlanKind::measured);
      Workspace w;
      const std::span<float> in = plan->input(w);
      for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>(i % 97) / 97;
      plan->run(w, *inference.weights(), &s, &moments);
      out.resize(64 * 48);
      plan->read_output(w, out);
    }
  };
  std::vector<std::vector<float>> outputs(4);
  std::vector<Moments> moments(4);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 4; ++i) threads.emplace_back([&, i] { run(outputs[i], moments[i]); });
  for (std::thread& t : threads) t.join();
  for (std::size_t i = 1; i < 4; ++i) {
    EXPECT_EQ(outputs[i], outputs[0]);
    EXPECT_EQ(moments[i], moments[0]);
  }
}

TEST(UNetTest, RefusesShapesOutsideTheirRange) {
  const auto values = [](const UNetTensor& t) { return initial_values(t, 1); };
  EXPECT_THROW(unet_onnx({.channels = 0}, values), std::invalid_argument);
  EXPECT_THROW(unet_onnx({.depth = 9}, values), std::invalid_argument);
  EXPECT_THROW(
      unet_onnx({.channels = 2, .depth = 1}, [](const UNetTensor&) { return std::vector<float>(3); }),
      std::invalid_argument);
}

}  // namespace
}  // namespace fibflow::model
