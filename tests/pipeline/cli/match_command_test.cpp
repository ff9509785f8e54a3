// How a stack is matched to a model, as users say it.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "io/formats/formats.h"
#include "nodes/intensity/intensity_sample.h"
#include "pipeline/options/source_intensities.h"
#include "tests/fixtures/run_program.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"
#include "tests/pipeline/cli/stack_command_test.h"

namespace fibflow {
namespace {

using Json = nlohmann::json;
using testing::run_fibflow;

using MatchCommandTest = StackCommandTest;

TEST_F(MatchCommandTest, TheNetworkSeesAnotherScaleAndTheMasksAreOfTheStack) {
  const std::string report = folder / "r.json";
  const auto run = [&](std::vector<std::string> more) {
    std::vector<std::string> all{"segment", stack,         "--model", model_file, "-o",
                                 masks,     "--overwrite", "--quiet", "--report", report};
    all.insert(all.end(), more.begin(), more.end());
    return run_fibflow(all);
  };
  const auto told = [&] { return Json::parse(testing::bytes_of(report)); };
  ASSERT_EQ(run({"--scale", "0.5"}).code, 0);
  const Json half = told();
  EXPECT_EQ(half["match"]["scale"], (Json{0.5, 0.5}));
  EXPECT_EQ(half["match"]["from"], "option");
  EXPECT_EQ(half["options"]["smoothing_slices"], 1);
  const auto written = io::open_stack(masks);
  EXPECT_EQ(written->info().height, half["input"]["height"]);
  EXPECT_EQ(written->info().width, half["input"]["width"]);
  for (const auto& slice : half["slices"]) {
    EXPECT_GE(slice["expected_iou"], 0);
    EXPECT_LE(slice["expected_iou"], 1);
  }
  ASSERT_EQ(run({"--scale", "auto", "--smooth-z", "0"}).code, 0);
  EXPECT_EQ(told()["match"]["from"], "default");
  EXPECT_EQ(told()["options"]["smoothing_slices"], 0);
  ASSERT_EQ(run({"--smooth-z", "20nm", "--voxel-size", "10,8,8"}).code, 0);
  EXPECT_EQ(told()["options"]["smoothing_slices"], 2);

  ASSERT_EQ(run({"--copies", "4", "--scale", "1"}).code, 0);
  EXPECT_EQ(told()["options"]["copies"], 4);
  EXPECT_EQ(run({"--copies", "3"}).code, 64);

  for (const char* scale : {"0", "-1", "9", "half", "nan", ""}) {
    const auto refused = run({"--scale", scale});
    EXPECT_EQ(refused.code, 64) << scale;
    EXPECT_NE(refused.err.find("scale"), std::string::npos) << refused.err;
  }
  for (const char* width : {"-1", "1px", "nm", "17", "nan"}) {
    const auto refused = run({"--smooth-z", width});
    EXPECT_EQ(refused.code, 64) << width;
    EXPECT_NE(refused.err.find("smooth"), std::string::npos) << refused.err;
  }
}

TEST_F(MatchCommandTest, AnAdaptedModelKnowsItsScale) {
  const std::string adapted = folder / "adapted.onnx";
  ASSERT_EQ(
      run_fibflow({"adapt", stack, "--model", model_file, "-o", adapted, "--scale", "0.75", "--quiet"}).code,
      0);
  const std::string report = folder / "r.json";
  ASSERT_EQ(run_fibflow({"segment", stack, "--model", adapted, "-o", masks, "--overwrite", "--quiet",
                         "--report", report})
                .code,
            0);
  const Json match = Json::parse(testing::bytes_of(report))["match"];
  EXPECT_EQ(match["from"], "model");
  EXPECT_EQ(match["scale"], (Json{0.75, 0.75}));
}

TEST_F(MatchCommandTest, GrayLevelsAreMatchedToThoseOfTheTraining) {
  // The same slices, as a dull copy of them would hold them: half of the contrast, and darker.
  const std::string dull = folder / "dull.tif";
  auto bright = testing::textured_stack(6, 72, 104);
  std::vector<std::uint8_t> voxels;
  nodes::IntensitySample sample;
  for (std::int64_t z = 0; z < bright.info().depth; ++z) {
    const io::Slice slice = bright.read(z);
    sample.add(slice);
    for (const int gray : slice.as<std::uint8_t>())
      voxels.push_back(static_cast<std::uint8_t>(20 + gray / 2));
  }
  testing::MemoryStack<std::uint8_t> stack_of_them("dull", 6, 72, 104, std::move(voxels));
  testing::write_tiff(stack_of_them, dull);
  const std::string report = folder / "r.json";
  const auto run = [&](const std::string& command, const std::string& input, const std::string& model,
                       const std::string& output, std::vector<std::string> more) {
    std::vector<std::string> all{command, input,         "--model", model,      "-o",
                                 output,  "--overwrite", "--quiet", "--report", report};
    all.insert(all.end(), more.begin(), more.end());
    return run_fibflow(all);
  };
  const auto refused = run("segment", stack, model_file, masks, {"--match", "histogram"});
  EXPECT_EQ(refused.code, 65) << refused.err;
  EXPECT_NE(refused.err.find("fibflow.histogram"), std::string::npos) << refused.err;
  EXPECT_EQ(run("segment", stack, model_file, masks, {"--match", "entropy"}).code, 64);

  // A model that was trained on the stack as it is.
  const std::string trained = folder / "trained.onnx";
  const model::Network plain = testing::small_network();
  std::ofstream(trained, std::ios::binary) << plain.with_statistics(
      plain.source_statistics(), {{"fibflow.histogram", pipeline::histogram_text(sample.histogram(
                                                            {0, 255}, pipeline::histogram_bins))}});
  const auto mean = [&] { return Json::parse(testing::bytes_of(report))["intensity"]["mean"].get<double>(); };
  ASSERT_EQ(run("segment", stack, trained, masks, {}).code, 0);
  const double of_training = mean();
  ASSERT_EQ(run("segment", dull, trained, masks, {}).code, 0);
  EXPECT_GT(std::abs(mean() - of_training), 0.05);
  const std::string adapted = folder / "adapted.onnx";
  for (const auto& [command, output] : {std::pair("segment", masks), std::pair("adapt", adapted)}) {
    ASSERT_EQ(run(command, dull, trained, output, {"--match", "histogram"}).code, 0);
    EXPECT_NEAR(mean(), of_training, 0.01) << command;
  }
  ASSERT_EQ(run("segment", dull, adapted, masks, {"--recipe", "none"}).code, 0);
  EXPECT_NEAR(mean(), of_training, 0.01) << "the adapted model says that it is to be so";
  ASSERT_EQ(run("segment", dull, adapted, masks, {"--match", "none"}).code, 0);
  EXPECT_GT(std::abs(mean() - of_training), 0.05);
}

}  // namespace
}  // namespace fibflow
