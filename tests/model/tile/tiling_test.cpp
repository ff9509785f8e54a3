// Tiles against the whole slice, for every idiom: each tile computes exactly the part of every feature map
// that its core needs, so the results may differ only by the order in which a convolution adds (1e-5 of the
// logits' standard deviation), and the moments of all tiles together must count every pixel of every layer
// once.

#include <gtest/gtest.h>

#include <algorithm>
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

/// The part of an image [1, C, H, W] that begins at (y, x).
Array part_of(const Array& image, int y, int x, int height, int width) {
  Array part;
  part.shape = {1, image.dim(1), height, width};
  for (int c = 0; c < image.dim(1); ++c) {
    for (int row = y; row < y + height; ++row) {
      const auto begin =
          image.values.begin() + (static_cast<std::ptrdiff_t>(c) * image.dim(2) + row) * image.dim(3) + x;
      part.values.insert(part.values.end(), begin, begin + width);
    }
  }
  return part;
}

/// What a network that was exported for one size computes of a larger slice must be what it computes, as it was exported,
/// of every part of that size whose place is on its grid.
void expect_equal_to_windows(const std::string& name) {
  const std::vector<Case> cases = own_cases();
  const auto fixed = std::ranges::find(cases, name, &Case::name);
  ASSERT_NE(fixed, cases.end());
  const Inference window = inference_for(*fixed);
  const auto grown = window.extension();
  const int window_height = window.height() + grown.top + grown.bottom;
  const int window_width = window.width() + grown.left + grown.right;
  const Network& network = window.network();
  const int grid = network.stride();
  const Inference inference(network, 4 * grid * (window.height() / grid) + 1,
                            3 * grid * (window.width() / grid) + 5);
  const auto e = inference.extension();
  EXPECT_GT(e.top + e.left, 0);
  const Array slice = random_slice(inference, 9);
  const Statistics source = network.source_statistics();
  const std::vector<float> whole = CaseRunner(inference, 0).frozen(slice, source);
  const CaseRunner as_exported(window, 0);
  int windows = 0;
  for (int y = 0; y + window.height() <= inference.height(); y += grid) {
    for (int x = 0; x + window.width() <= inference.width(); x += grid, ++windows) {
      const std::vector<float> theirs =
          as_exported.frozen(part_of(slice, y, x, window_height, window_width), source);
      std::vector<float> ours;
      for (int c = 0; c < network.output_channels(); ++c) {
        for (int row = y; row < y + window.height(); ++row) {
          const auto begin = whole.begin() +
                             (static_cast<std::ptrdiff_t>(c) * inference.height() + row) * inference.width() +
                             x;
          ours.insert(ours.end(), begin, begin + window.width());
        }
      }
      EXPECT_LE(deviation(ours, theirs), kTiled) << "window at " << y << ", " << x;
    }
  }
  EXPECT_GT(windows, 10);
}

TEST(TilingTest, ValidConvolutionsExportedForOneSizeGiveInAnySliceWhatTheyGiveInWindowsOfThatSize) {
  expect_equal_to_windows("fixed_axes_valid_crop");
  expect_equal_to_windows("fixed_axes_valid_resize");
}

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
