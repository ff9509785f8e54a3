// Tiles against the whole slice, for every idiom: each tile computes exactly the part of every feature map
// that its core needs, so the results may differ only by the order in which a convolution adds (1e-5 of the
// logits' standard deviation), and the moments of all tiles together must count every pixel of every layer
// once.

#include <gtest/gtest.h>

#include <cmath>

#include "tests/fixtures/exact_cases.h"

namespace fibflow::model {
namespace {

constexpr double kTiled = 1e-5;

class TilingTest : public testing::TestWithParam<Case> {};

TEST_P(TilingTest, TiledEqualsWholeSlice) {
  const Inference inference = inference_for(GetParam());
  const CaseRunner whole(inference, 0);
  const Array slice = random_slice(inference, 5);
  const Statistics source = inference.network().source_statistics();
  const std::vector<float> expected_frozen = whole.frozen(slice, source);
  Moments expected_moments;
  const std::vector<float> expected_running = whole.running(slice, source, &expected_moments);
  Moments expected_own_moments;
  const std::vector<float> expected_own = whole.own(slice, expected_own_moments);
  for (const int tile : {8, 24, 64}) {
    const CaseRunner tiled(inference, tile);
    const std::string what = GetParam().name + ", tiles of " + std::to_string(tile);
    EXPECT_LE(deviation(tiled.frozen(slice, source), expected_frozen), kTiled) << what << ", folded";
    Moments moments;
    EXPECT_LE(deviation(tiled.running(slice, source, &moments), expected_running), kTiled)
        << what << ", measured";
    expect_equal(moments, expected_moments, what + ", measured");
    EXPECT_LE(deviation(tiled.own(slice, moments), expected_own), kTiled) << what << ", own statistics";
    expect_equal(moments, expected_own_moments, what + ", own statistics");
  }
}

TEST_P(TilingTest, EveryPixelOfTheSliceCountsOnce) {
  const Inference inference = inference_for(GetParam());
  const auto e = inference.extension();
  const CaseRunner tiled(inference, 24);
  Moments moments;
  tiled.running(random_slice(inference, 6), inference.network().source_statistics(), &moments);
  for (const LayerMoments& layer : moments.layers) {
    // A layer at 1 / s of the resolution has the slice's pixels over s², give or take its border.
    const double pixels = static_cast<double>(inference.height()) * inference.width();
    bool fits = false;
    for (double s = 1; s <= 8; ++s) {
      const double low = std::floor(inference.height() / s - 2) * std::floor(inference.width() / s - 2);
      const double high = std::ceil(inference.height() / s + 2) * std::ceil(inference.width() / s + 2);
      fits = fits || (layer.count >= low && layer.count <= high);
    }
    EXPECT_TRUE(fits || layer.count < pixels) << layer.count;
    if (e.top > 0 && e.left > 0) {
      EXPECT_LE(layer.count, pixels);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Idioms, TilingTest, testing::ValuesIn(exact_cases()),
                         [](const auto& test) { return test.param.name; });

TEST(TilingTest, CongruentTilesShareTheirPrimitives) {
  const Inference inference(
      Network::load(std::filesystem::path(FIBFLOW_TEST_FIXTURES) / "onnx/models/pad_to_skip_opset13.onnx"),
      512, 512);
  const auto at = [&](int y, int x) { return inference.plan({{y, y + 64}, {x, x + 64}}, PlanKind::frozen); };
  EXPECT_EQ(at(128, 128)->workspace_bytes(), at(192, 256)->workspace_bytes());
  EXPECT_EQ(at(128, 128)->input_region().height(), at(320, 256)->input_region().height());
  EXPECT_LT(at(0, 0)->input_region().height(), at(128, 128)->input_region().height());
}

}  // namespace
}  // namespace fibflow::model
