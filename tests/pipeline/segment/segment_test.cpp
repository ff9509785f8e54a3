#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "io/formats/formats.h"
#include "model/tile/inference.h"
#include "nodes/tiles/tile_cutter.h"
#include "nodes/tiles/tile_grid.h"
#include "pipeline/adapt/probe.h"
#include "pipeline/report/run_report.h"
#include "pipeline/segment/run.h"
#include "tests/fixtures/run_report.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow::pipeline {
namespace {

using testing::small_network;
using testing::textured_stack;

constexpr int height = 72;
constexpr int width = 104;

OutputOptions float_probabilities(const testing::TemporaryFolder& folder) {
  OutputOptions output;
  output.probability = folder / "p.tif";
  output.probability_type = io::PixelType::f32;
  output.compression = io::Compression::none;
  output.smoothing = {0};
  return output;
}

std::vector<std::vector<float>> floats_of(const std::string& path) {
  const auto stack = io::open_stack(path);
  std::vector<std::vector<float>> slices;
  for (std::int64_t z = 0; z < stack->info().depth; ++z) {
    const io::Slice slice = stack->read(z);
    slices.emplace_back(slice.as<float>().begin(), slice.as<float>().end());
  }
  return slices;
}

/// What the flow graph must be equal to, bit for bit: one slice after the other, tile after tile, nothing at once.
struct PlainLoop {
  std::vector<std::vector<float>> probabilities;
  model::Statistics statistics;

  PlainLoop(io::Stack& stack, int tile, int lag, double share, model::EstimatorOptions options) {
    const model::Network network = small_network();
    const model::Inference inference(network, height, width);
    const nodes::TileGrid grid(height, width, tile, inference.alignment());
    model::Estimator estimator(options, network.source_statistics());
    const auto used_now = [&] { return model::blend(estimator.estimate(), estimator.source(), share); };
    std::vector<model::Statistics> used(static_cast<std::size_t>(lag), used_now());
    std::int64_t renewed = -4;
    model::Workspace workspace;
    for (std::int64_t z = 0; z < stack.info().depth; ++z) {
      const io::Slice slice = stack.read(z);
      const auto input = [&](const model::TilePlan& plan) {
        nodes::cut_tile(slice, {1.0 / 255, 0}, plan.input_region(), network.input_channels(),
                        plan.input(workspace));
      };
      std::vector<float> whole(static_cast<std::size_t>(height * width));
      const auto weights = inference.freeze(used[static_cast<std::size_t>(z)]);
      for (const model::Region& core : grid.cores()) {
        const auto plan = inference.plan(core, model::PlanKind::frozen);
        input(*plan);
        plan->run(workspace, *weights, nullptr, nullptr);
        std::vector<float> logits(static_cast<std::size_t>(core.area()));
        plan->read_output(workspace, logits);
        std::size_t i = 0;
        for (int y = core.y.begin; y < core.y.end; ++y) {
          for (int x = core.x.begin; x < core.x.end; ++x) {
            whole[static_cast<std::size_t>(y * width + x)] = 1 / (1 + std::exp(-logits[i++]));
          }
        }
      }
      probabilities.push_back(std::move(whole));
      // The whole slice in batch mode, layer by layer.
      const auto plan = inference.plan({{0, height}, {0, width}}, model::PlanKind::measured);
      input(*plan);
      model::Moments moments;
      model::LayerStatistics normalizes;
      for (std::size_t layer = 0; layer < network.batch_norms().size(); ++layer) {
        plan->run_stage(static_cast<int>(layer), workspace, *inference.weights(),
                        layer == 0 ? nullptr : &normalizes, &moments.layers.emplace_back());
        normalizes = model::blend(moments.layers.back().statistics(),
                                  network.source_statistics().layers[layer], share);
      }
      estimator.update(moments, 1);
      const bool renews = z - renewed >= 4;
      if (renews) renewed = z;
      used.push_back(renews ? used_now() : used.back());
    }
    statistics = used_now();
  }
};

class LagTest : public ::testing::TestWithParam<int> {};

TEST_P(LagTest, ASliceIsSegmentedWithTheStatisticsAfterTheSliceLagBeforeIt) {
  const testing::TemporaryFolder folder;
  auto stack = textured_stack(9, height, width);
  AdaptationOptions adaptation;
  adaptation.lag = GetParam();
  adaptation.probe = 0;
  adaptation.measure_every = 1;
  adaptation.renewal = 0;
  adaptation.monitor.slices = 0;
  adaptation.featureless = nodes::Featureless::counts;
  adaptation.estimator.rule = "ema";
  const OutputOptions output = float_probabilities(folder);
  const Outcome outcome =
      segment(stack, small_network(), {{}, nodes::Normalization{}}, adaptation, output, {2, 0, 40});
  const PlainLoop plain(stack, 40, GetParam(), 0.25, adaptation.estimator);
  EXPECT_EQ(floats_of(output.probability), plain.probabilities);
  EXPECT_EQ(outcome.statistics, plain.statistics);
}

TEST_P(LagTest, OfAnotherLengthGivesAnotherResult) {
  auto stack = textured_stack(9, height, width);
  const model::EstimatorOptions options;
  EXPECT_NE(PlainLoop(stack, 40, GetParam(), 0.25, options).probabilities,
            PlainLoop(stack, 40, GetParam() + 1, 0.25, options).probabilities);
}

INSTANTIATE_TEST_SUITE_P(Lags, LagTest, ::testing::Values(1, 2, 4, 7));

TEST(SegmentTest, TilesChangeNothingButRoundingAndOfStatisticsNothing) {
  AdaptationOptions adaptation;
  adaptation.measure_every = 2;
  std::vector<std::vector<std::vector<float>>> results;
  std::vector<model::Statistics> statistics;
  for (const int tile : {1000, 56, 24}) {
    const testing::TemporaryFolder folder;
    auto stack = textured_stack(6, height, width);
    const OutputOptions output = float_probabilities(folder);
    statistics.push_back(segment(stack, small_network(), {}, adaptation, output, {2, 0, tile}).statistics);
    results.push_back(floats_of(output.probability));
  }
  for (std::size_t r = 1; r < results.size(); ++r) {
    for (std::size_t z = 0; z < results[r].size(); ++z) {
      for (std::size_t i = 0; i < results[r][z].size(); ++i) {
        ASSERT_NEAR(results[r][z][i], results[0][z][i], 3e-6) << "slice " << z << ", pixel " << i;
      }
    }
    EXPECT_EQ(statistics[r], statistics[0]);
  }
}

TEST(SegmentTest, MemoryChangesNothingOfWhatIsMeasured) {
  AdaptationOptions adaptation;
  adaptation.measure_every = 2;
  auto stack = textured_stack(5, 700, 300);  // samples of two cores
  std::optional<model::Statistics> expected;
  for (const std::size_t memory : {std::size_t{0}, std::size_t{120} << 20, std::size_t{88} << 20}) {
    const testing::TemporaryFolder folder;
    const Outcome outcome =
        segment(stack, small_network(), {}, adaptation, float_probabilities(folder), {2, memory, 0});
    if (!expected) expected = outcome.statistics;
    EXPECT_EQ(outcome.statistics, *expected) << memory;
  }
}

class IdiomTest : public ::testing::TestWithParam<std::string> {};

TEST_P(IdiomTest, TilesAndSamplesWorkOnSlicesThatFitNoGrid) {
  const auto network =
      model::Network::load(std::string(FIBFLOW_TEST_FIXTURES) + "/onnx/models/" + GetParam() + ".onnx");
  AdaptationOptions adaptation;
  adaptation.measure_every = 1;
  std::vector<std::vector<std::vector<float>>> results;
  for (const int tile : {1000, 32}) {
    const testing::TemporaryFolder folder;
    auto stack = textured_stack(3, 61, 87);
    const OutputOptions output = float_probabilities(folder);
    segment(stack, network, {}, adaptation, output, {2, 0, tile});
    results.push_back(floats_of(output.probability));
  }
  for (std::size_t z = 0; z < results[0].size(); ++z) {
    for (std::size_t i = 0; i < results[0][z].size(); ++i) {
      ASSERT_NEAR(results[1][z][i], results[0][z][i], 1e-5) << "slice " << z << ", pixel " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, IdiomTest,
                         ::testing::Values("plain_opset13", "rgb", "sigmoid", "logits3", "softmax2_opset13",
                                           "depth3", "valid_crop_opset13", "upsample_bilinear_by_3",
                                           "avg_pool", "elu"),
                         [](const auto& name) { return name.param; });

TEST(SegmentTest, SlicesOfAPixelOrALineAreSegmentedWithEveryRecipe) {
  for (const auto& [slice_height, slice_width] : {std::pair(1, 1), std::pair(1, 70), std::pair(3, 2)}) {
    for (const Recipe recipe : {Recipe::stream, Recipe::two_pass, Recipe::none}) {
      for (const std::int64_t depth : {1, 3}) {
        const testing::TemporaryFolder folder;
        auto stack = textured_stack(depth, slice_height, slice_width);
        AdaptationOptions adaptation;
        adaptation.recipe = recipe;
        if (recipe == Recipe::stream) {
          adaptation.measure_every = 1;
          adaptation.probe = 0;
        }
        const OutputOptions output = float_probabilities(folder);
        const Outcome outcome = segment(stack, small_network(), {}, adaptation, output, {});
        EXPECT_EQ(testing::slices_of(*outcome.report).size(), static_cast<std::size_t>(depth));
        if (recipe != Recipe::none) {
          EXPECT_GT(outcome.report->adaptation->batches, 0) << name_of(recipe);
        }
        for (const auto& slice : floats_of(output.probability)) {
          for (const float p : slice) EXPECT_TRUE(p >= 0 && p <= 1) << p;
        }
      }
    }
  }
}

TEST(SegmentTest, ClassesAreIndicesInTheMask) {
  const testing::TemporaryFolder folder;
  auto stack = textured_stack(2, 40, 40);
  const auto network = model::Network::load(std::string(FIBFLOW_TEST_FIXTURES) + "/onnx/models/logits3.onnx");
  OutputOptions output;
  output.mask = folder / "m.tif";
  segment(stack, network, {}, {}, output, {});
  const io::Slice mask = io::open_stack(output.mask)->read(0);
  for (const std::uint8_t label : mask.as<std::uint8_t>()) ASSERT_LE(label, 2);
  output.threshold = 0.5;
  output.overwrite = true;
  EXPECT_THROW(segment(stack, network, {}, {}, output, {}), std::invalid_argument);
}

TEST(SegmentTest, SaysIfItsInputWasChangedMeanwhile) {
  auto slices = textured_stack(6, 40, 40);
  for (const bool touched : {false, true}) {
    const testing::TemporaryFolder folder;
    testing::write_tiff(slices, folder / "stack.tif");
    const auto stack = io::open_stack(folder / "stack.tif");
    OutputOptions output;
    output.mask = folder / "m.tif";
    output.overwrite = true;
    RunHooks hooks;
    hooks.begin = [&](const std::string& phase, std::int64_t) {
      if (touched && phase == "segment") std::filesystem::resize_file(folder / "stack.tif", 1 << 20);
    };
    const Outcome outcome = segment(*stack, small_network(), {}, {}, output, {}, hooks);
    const bool said = std::ranges::any_of(outcome.report->warnings, [](const std::string& warning) {
      return warning.find("stack.tif was changed, replaced or removed while") != std::string::npos;
    });
    EXPECT_EQ(said, touched);
  }
}

TEST(AdaptTest, MeasuresSixteenSlicesSpreadOverTheStackUnlessOthersAreSaid) {
  auto stack = textured_stack(40, 40, 40);
  const Outcome usual = adapt(stack, small_network(), {}, {}, {});
  EXPECT_EQ(usual.report->adaptation->probe_slices, spread_slices({0, 40}, 16));
  EXPECT_EQ(usual.report->adaptation->batches, 16);
  EXPECT_TRUE(testing::slices_of(*usual.report).empty());
  AdaptationOptions few;
  few.probe = 2;
  EXPECT_EQ(adapt(stack, small_network(), {}, few, {}).report->adaptation->probe_slices,
            spread_slices({0, 40}, 2));
  AdaptationOptions none;
  none.probe = 0;
  EXPECT_THROW(adapt(stack, small_network(), {}, none, {}), std::invalid_argument);
}

TEST(AdaptTest, IsTheProbeOfASegmentationThatIsFrozenAfterIt) {
  const testing::TemporaryFolder folder;
  auto stack = textured_stack(8, height, width);
  AdaptationOptions frozen;
  frozen.freeze = Freeze::probe;
  frozen.probe = 5;
  const Outcome segmented =
      segment(stack, small_network(), {}, frozen, float_probabilities(folder), {2, 0, 40});
  AdaptationOptions five;
  five.probe = 5;
  EXPECT_EQ(adapt(stack, small_network(), {}, five, {}).statistics, segmented.statistics);
}

TEST(AdaptTest, AMovingAverageGoesFromTheSourceOverTheSlicesInTheirOrder) {
  auto stack = textured_stack(4, height, width);
  AdaptationOptions ema;
  ema.estimator.rule = "ema";
  ema.source_share = 0;
  ema.featureless = nodes::Featureless::counts;
  AdaptationOptions one = ema;
  one.probe = 1;
  one.estimator.values.set("momentum", 1);  // that slice's moments
  model::Estimator expected({.rule = "ema"}, small_network().source_statistics());
  for (std::int64_t z = 0; z < 4; ++z) {
    const InputOptions slice{{z, z + 1}, nodes::Normalization{}};
    model::Moments moments;
    for (const model::LayerStatistics& layer :
         adapt(stack, small_network(), slice, one, {}).statistics.layers) {
      model::LayerMoments& m = moments.layers.emplace_back();
      m.count = 1;
      m.mean.assign(layer.mean.begin(), layer.mean.end());
      m.squares.assign(layer.variance.begin(), layer.variance.end());
    }
    expected.update(moments, 1);
  }
  const model::Statistics found =
      adapt(stack, small_network(), {{}, nodes::Normalization{}}, ema, {}).statistics;
  for (std::size_t l = 0; l < found.layers.size(); ++l) {
    for (std::size_t c = 0; c < found.layers[l].mean.size(); ++c) {
      const model::LayerStatistics layer = expected.estimate().layers[l];
      EXPECT_NEAR(found.layers[l].mean[c], layer.mean[c], 1e-5 * std::sqrt(layer.variance[c]));
      EXPECT_NEAR(found.layers[l].variance[c] / layer.variance[c], 1, 1e-5);
    }
  }
}

TEST(SegmentTest, ARangeOfSlicesIsTheStackOfThoseSlices) {
  const testing::TemporaryFolder folder;
  auto stack = textured_stack(8, height, width);
  OutputOptions output = float_probabilities(folder);
  const Outcome part = segment(stack, small_network(), {{2, 6}, {}}, {}, output, {});
  EXPECT_EQ(testing::slices_of(*part.report).front().z, 2);
  EXPECT_EQ(testing::slices_of(*part.report).size(), 4U);
  EXPECT_EQ(floats_of(output.probability).size(), 4U);
}

TEST(SegmentTest, SourceShareOneIsTheSourceItself) {
  const testing::TemporaryFolder folder;
  auto stack = textured_stack(4, height, width);
  AdaptationOptions adaptation;
  adaptation.source_share = 1;
  const Outcome outcome = segment(stack, small_network(), {}, adaptation, float_probabilities(folder), {});
  EXPECT_EQ(outcome.statistics, small_network().source_statistics());
}

TEST(SegmentTest, ReportHasARecordForEachSliceAndThePlan) {
  const testing::TemporaryFolder folder;
  auto stack = textured_stack(5, height, width);
  OutputOptions output;
  output.mask = folder / "m.tif";
  const Outcome outcome = segment(stack, small_network(), {}, {}, output, {});
  const std::vector<SliceRecord> records = testing::slices_of(*outcome.report);
  ASSERT_EQ(records.size(), 5U);
  const auto masks = io::open_stack(output.mask);
  for (std::int64_t z = 0; z < 5; ++z) {
    const SliceRecord& record = records[static_cast<std::size_t>(z)];
    EXPECT_EQ(record.z, z);
    EXPECT_GT(record.seconds, 0);
    EXPECT_FALSE(record.measured) << "none of five is due";
    EXPECT_GT(record.measure_seconds, 0) << "but its first layer is looked at";
    double foreground = 0;
    const io::Slice mask = masks->read(z);
    for (const std::uint8_t label : mask.as<std::uint8_t>()) foreground += label != 0;
    EXPECT_DOUBLE_EQ(record.foreground, foreground / (height * width));
  }
  EXPECT_GE(outcome.report->plan->workers, 1);
  EXPECT_EQ(outcome.report->options.normalization_source, "default");
}

TEST(SpreadSlicesTest, TakesTheMiddlesOfEqualParts) {
  EXPECT_EQ(spread_slices({0, 10}, 3), (std::vector<std::int64_t>{1, 5, 8}));
  EXPECT_EQ(spread_slices({10, 20}, 1), (std::vector<std::int64_t>{15}));
  EXPECT_EQ(spread_slices({4, 6}, 3), (std::vector<std::int64_t>{4, 5}));
}

TEST(AdaptTest, TheAdaptedModelHasTheStatisticsThatWereUsed) {
  auto stack = textured_stack(5, height, width);
  const Outcome outcome = adapt(stack, small_network(), {}, {}, {});
  const std::string bytes = adapted_model(small_network(), outcome);
  const auto network = model::Network::parse(std::as_bytes(std::span(bytes)), "adapted");
  EXPECT_EQ(network.source_statistics(), outcome.statistics);
  EXPECT_EQ(network.metadata().at("fibflow.adapted_on"), "textured");
  EXPECT_EQ(network.metadata().at("fibflow.recipe"), "stream");
  EXPECT_EQ(network.metadata().at("fibflow.normalization"), "unit");
}

}  // namespace
}  // namespace fibflow::pipeline
