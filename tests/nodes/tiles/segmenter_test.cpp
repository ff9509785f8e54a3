#include "nodes/tiles/segmenter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "nodes/tiles/stitcher.h"
#include "tests/fixtures/prediction_format.h"
#include "tests/fixtures/small_network.h"

namespace fibflow::nodes {
namespace {

using testing::textured_slice;

constexpr int height = 72;
constexpr int width = 104;

class SegmenterTest : public ::testing::Test {
 protected:
  std::vector<Tile> tiles(const TileGrid& cores, model::PlanKind kind) const {
    const auto source = std::make_shared<const model::Statistics>(network.source_statistics());
    const Snapshot snapshot{
        kind, kind == model::PlanKind::frozen ? inference.freeze(*source) : inference.weights(), source};
    const PreparedSlice prepared{0, textured_slice(0, height, width), {1.0 / 60, -2}};
    return Tiler(cores)({prepared, {0, snapshot}});
  }

  template <typename Segment>
  std::vector<float> probabilities(const TileGrid& cores, const Segment& predictions) const {
    Stitcher stitch(cores, format);
    Stitcher::Output slice;
    for (const Prediction& prediction : predictions) slice = stitch(prediction);
    const auto p = slice->layer(Layer::probability).as<float>();
    return {p.begin(), p.end()};
  }

  std::vector<Prediction> segment(const TileGrid& cores, model::PlanKind kind, int copies = 1) {
    const Segmenter segmenter(inference, classifier, workers, copies);
    std::vector<Prediction> predictions;
    for (const Tile& tile : tiles(cores, kind)) predictions.push_back(segmenter(tile));
    return predictions;
  }

  const model::Network network = testing::small_network();
  const model::Inference inference{network, height, width};
  const PredictionFormat format = testing::with_probability(io::PixelType::f32);
  const Classifier classifier{network.output(), network.output_channels(), format};
  WorkerPool workers{1};
  const TileGrid whole = TileGrid::whole(height, width);
  const TileGrid grid{height, width, 24, inference.alignment()};
};

TEST_F(SegmenterTest, CopiesAreTheMeanOfTheNetworksViews) {
  const auto logits = [&](Mirror mirror) {
    Worker worker;
    const Tile tile = tiles(whole, model::PlanKind::frozen).front();
    const auto output =
        TileRunner(inference).predict(tile.job->prepared, tile.core, tile.job->snapshot, worker, mirror);
    return std::vector<float>(output.begin(), output.end());
  };
  const std::vector<std::vector<float>> views = {logits({}), logits({true, false}), logits({false, true}),
                                                 logits({true, true})};
  EXPECT_NE(views[0], views[1]);
  for (const int copies : {2, 4}) {
    const auto found = probabilities(whole, segment(whole, model::PlanKind::frozen, copies));
    const auto tiled = probabilities(grid, segment(grid, model::PlanKind::frozen, copies));
    for (std::size_t i = 0; i < found.size(); ++i) {
      float mean = 0;
      for (int k = 0; k < copies; ++k)
        mean += views[static_cast<std::size_t>(k)][i] / static_cast<float>(copies);
      ASSERT_NEAR(found[i], 1 / (1 + std::exp(-mean)), 1e-6);
      ASSERT_NEAR(tiled[i], found[i], 1e-5);
    }
  }
  EXPECT_THROW(Segmenter(inference, classifier, workers, 3), std::invalid_argument);
}

TEST_F(SegmenterTest, TilesGiveWhatTheWholeSliceGives) {
  for (const auto kind : {model::PlanKind::frozen, model::PlanKind::measured}) {
    const auto expected = probabilities(whole, segment(whole, kind));
    const auto tiled = probabilities(grid, segment(grid, kind));
    for (std::size_t i = 0; i < expected.size(); ++i)
      ASSERT_NEAR(tiled[i], expected[i], 1e-5) << "pixel " << i;
  }
}

TEST(TilerTest, RejectsTheStatisticsOfAnotherSlice) {
  const Tiler tiler(TileGrid(8, 8, 4, 4));
  EXPECT_THROW(tiler({PreparedSlice{1, textured_slice(1, 8, 8), {}}, OrderedSnapshot{2, {}}}),
               std::logic_error);
}

TEST(TilerTest, RejectsASliceOfAnotherSize) {
  const Tiler tiler(TileGrid(8, 8, 4, 4));
  EXPECT_THROW(tiler({PreparedSlice{1, textured_slice(1, 8, 9), {}}, OrderedSnapshot{1, {}}}), BadSlice);
}

}  // namespace
}  // namespace fibflow::nodes
