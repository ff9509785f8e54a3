#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
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
    model::Workspace workspace;
    for (std::int64_t z = 0; z < stack.info().depth; ++z) {
      const io::Slice slice = stack.read(z);
      std::vector<float> whole(static_cast<std::size_t>(height * width));
      model::Moments merged;
      for (const model::Region& core : grid.cores()) {
        const auto plan = inference.plan(core, model::PlanKind::measured);
        nodes::cut_tile(slice, {1.0 / 255, 0}, plan->input_region(), network.input_channels(),
                        plan->input(workspace));
        model::Moments moments;
        plan->run(workspace, *inference.weights(), &used[static_cast<std::size_t>(z)], &moments);
        merged.merge(moments);
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
      estimator.update(merged, 1);
      used.push_back(used_now());
    }
    statistics = used.back();
  }
};

class LagTest : public ::testing::TestWithParam<int> {};

TEST_P(LagTest, ASliceIsSegmentedWithTheStatisticsAfterTheSliceLagBeforeIt) {
  const testing::TemporaryFolder folder;
  auto stack = textured_stack(9, height, width);
  AdaptationOptions adaptation;
  adaptation.lag = GetParam();
  adaptation.probe = 0;
  adaptation.featureless = nodes::Featureless::counts;
  adaptation.estimator.rule = "ema";
  const OutputOptions output = float_probabilities(folder);
  const Outcome outcome =
      segment(stack, small_network(), {{}, nodes::Normalization{}}, adaptation, output, {2, 0, 40});
  const PlainLoop plain(stack, 40, GetParam(), adaptation.source_share, adaptation.estimator);
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

TEST(SegmentTest, TilesChangeNothingButRounding) {
  for (const auto by : {NormalizeBy::running, NormalizeBy::batch}) {
    AdaptationOptions adaptation;
    adaptation.normalize_by = by;
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
      for (std::size_t l = 0; l < statistics[r].layers.size(); ++l) {
        for (std::size_t c = 0; c < statistics[r].layers[l].variance.size(); ++c) {
          const float variance = statistics[0].layers[l].variance[c];
          EXPECT_NEAR(statistics[r].layers[l].variance[c], variance, 1e-5 * variance);
          EXPECT_NEAR(statistics[r].layers[l].mean[c], statistics[0].layers[l].mean[c],
                      1e-5 * std::sqrt(variance));
        }
      }
    }
  }
}

class IdiomTest : public ::testing::TestWithParam<std::string> {};

TEST_P(IdiomTest, TilesAndStatisticsOfItsOwnWorkOnSlicesThatFitNoGrid) {
  const auto network =
      model::Network::load(std::string(FIBFLOW_TEST_FIXTURES) + "/onnx/models/" + GetParam() + ".onnx");
  for (const auto by : {NormalizeBy::running, NormalizeBy::batch}) {
    AdaptationOptions adaptation;
    adaptation.normalize_by = by;
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

TEST(SegmentTest, AProbeThatCoversTheStackIsItsPooledMoments) {
  auto stack = textured_stack(3, height, width);
  AdaptationOptions adaptation;
  adaptation.freeze = Freeze::probe;
  adaptation.source_share = 0;
  const Outcome frozen = adapt(stack, small_network(), {}, adaptation, {1, 0, 0});
  EXPECT_EQ(frozen.report->adaptation->probe_slices, (std::vector<std::int64_t>{0, 1, 2}));
  EXPECT_TRUE(testing::slices_of(*frozen.report).empty());
  // The first layer's input does not depend on any statistics: its moments are those of all slices.
  AdaptationOptions own;
  own.normalize_by = NormalizeBy::batch;
  own.source_share = 0;
  const Outcome pooled = adapt(stack, small_network(), {}, own, {1, 0, 0});
  for (std::size_t l = 0; l < pooled.statistics.layers.size(); ++l) {
    for (std::size_t c = 0; c < pooled.statistics.layers[l].mean.size(); ++c) {
      EXPECT_NEAR(frozen.statistics.layers[l].mean[c], pooled.statistics.layers[l].mean[c], 1e-4);
    }
  }
}

TEST(SegmentTest, FreezesOnceSettledAndSaysWhere) {
  auto stack = textured_stack(30, height, width);
  AdaptationOptions adaptation;
  adaptation.freeze = Freeze::settled;
  adaptation.settle = {5e-3, 3};
  adaptation.lag = 2;
  const Outcome outcome = adapt(stack, small_network(), {}, adaptation, {2, 0, 0});
  ASSERT_TRUE(outcome.report->adaptation->frozen_after);
  const std::int64_t z = *outcome.report->adaptation->frozen_after;
  ASSERT_LT(z, 26);
  for (const SliceRecord& slice : testing::slices_of(*outcome.report))
    EXPECT_EQ(slice.frozen, slice.z >= z + 2) << slice.z;
  EXPECT_EQ(outcome.report->adaptation->batches, z + 1);
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
    EXPECT_TRUE(record.drift);
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

TEST(AdaptTest, StreamWithoutOutputAdaptsAsSegmentDoes) {
  const testing::TemporaryFolder folder;
  auto stack = textured_stack(6, height, width);
  const Outcome segmented = segment(stack, small_network(), {}, {}, float_probabilities(folder), {2, 0, 40});
  EXPECT_EQ(adapt(stack, small_network(), {}, {}, {2, 0, 40}).statistics, segmented.statistics);
}

}  // namespace
}  // namespace fibflow::pipeline
