// How a stack is matched to a model, as users say it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/formats/formats.h"
#include "tests/fixtures/run_program.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow {
namespace {

using Json = nlohmann::json;
using testing::run_fibflow;

const std::string model_file = std::string(FIBFLOW_TEST_FIXTURES) + "/onnx/models/plain_opset13.onnx";

class MatchCommandTest : public ::testing::Test {
 protected:
  MatchCommandTest() {
    auto slices = testing::textured_stack(6, 72, 104);
    testing::write_tiff(slices, stack, io::Compression::deflate);
  }

  const testing::TemporaryFolder folder;
  const std::string stack = folder / "stack.tif";
  const std::string masks = folder / "masks.tif";
};

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

}  // namespace
}  // namespace fibflow
