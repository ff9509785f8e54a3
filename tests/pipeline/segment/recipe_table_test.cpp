// The IoU that PyTorch reaches with a trained model, for each recipe, on the first 10 slices of two real stacks. The
// model, the stacks and the table are not part of the project; without them these tests are skipped.
#include <gtest/gtest.h>

#include <filesystem>
#include <span>
#include <string>

#include "io/formats/formats.h"
#include "pipeline/evaluate/evaluation.h"
#include "pipeline/segment/run.h"
#include "tests/fixtures/memory_stack.h"
#include "tests/fixtures/temporary_folder.h"

namespace fibflow::pipeline {
namespace {

constexpr double tolerance = 0.005;

struct Row {
  const char* name;
  AdaptationOptions adaptation;
  double iou_val;  ///< cdeep3m_val: the same acquisition
  double iou_vnc;  ///< vnc_stack1: another animal and microscope
};

AdaptationOptions options(Recipe recipe, std::string rule, double share) {
  AdaptationOptions adaptation;
  adaptation.recipe = recipe;
  adaptation.estimator.rule = rule;
  adaptation.source_share = share;
  adaptation.featureless = nodes::Featureless::counts;
  if (recipe == Recipe::stream) adaptation.measure_every = 1;
  return adaptation;
}

InputOptions at_scale_one() {
  InputOptions input;
  input.slices = {0, 10};
  input.scale = 1;
  return input;
}

const Row rows[] = {
    {"source_statistics", options(Recipe::none, "pooled", 0), 0.505, 0.046},
    {"two_pass_ema", options(Recipe::two_pass, "ema", 0), 0.512, 0.342},
    {"two_pass_pooled", options(Recipe::two_pass, "pooled", 0), 0.512, 0.346},
    {"two_pass_pooled_share_025", options(Recipe::two_pass, "pooled", 0.25), 0.512, 0.329},
    {"two_pass_pooled_share_05", options(Recipe::two_pass, "pooled", 0.5), 0.511, 0.273},
    {"stream_pooled_after_probe", options(Recipe::stream, "pooled", 0), 0.510, 0.348},
    {"stream_ema_after_probe", options(Recipe::stream, "ema", 0), 0.511, 0.350},
};

class RecipeTableTest : public ::testing::TestWithParam<Row> {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(shared + "/models/cdeep3m_unet16.onnx")) {
      GTEST_SKIP() << "recorded data is not here: " << shared << "/models and " << shared << "/data/stacks";
    }
  }

  static double iou_on(const std::string& name, const AdaptationOptions& adaptation) {
    const testing::TemporaryFolder folder;
    const std::string masks = folder / "masks.tif";
    const auto stack = io::open_stack(shared + "/data/stacks/" + name + "/image.tif");
    const auto labels = io::open_stack(shared + "/data/stacks/" + name + "/labels.tif");
    OutputOptions output;
    output.mask = masks;
    output.compression = io::Compression::none;
    output.smoothing = {0};
    segment(*stack, model::Network::load(shared + "/models/cdeep3m_unet16.onnx"), at_scale_one(), adaptation,
            output, {});
    io::MemoryStack truth = testing::first_of(*labels, 10);
    const double iou = evaluate(*io::open_stack(masks), truth).whole.iou();
    RecordProperty("iou", std::to_string(iou));
    return iou;
  }

  static inline const std::string shared = FIBFLOW_SHARED;
};

TEST_P(RecipeTableTest, GivesTheIouOfPyTorchOnTheSameAcquisition) {
  EXPECT_NEAR(iou_on("cdeep3m_val", GetParam().adaptation), GetParam().iou_val, tolerance);
}

TEST_P(RecipeTableTest, GivesTheIouOfPyTorchOnAnotherMicroscope) {
  EXPECT_NEAR(iou_on("vnc_stack1", GetParam().adaptation), GetParam().iou_vnc, tolerance);
}

/// What whoever says nothing gets.
struct Defaults {
  const char* model;
  const char* stack;
  double least;  ///< IoU of the first 10 slices
};

const Defaults defaults[] = {
    {"cdeep3m_unet16.onnx", "vnc_stack1", 0.52},
    {"vnc_unet16.onnx", "cdeep3m_val", 0.45},
    {"cdeep3m_unet16.onnx", "cdeep3m_val", 0.50},
};

class DefaultsTest : public ::testing::TestWithParam<Defaults> {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(shared + "/models/cdeep3m_unet16.onnx")) {
      GTEST_SKIP() << "recorded data is not here: " << shared << "/models and " << shared << "/data/stacks";
    }
    input.slices = {0, 10};
    output.mask = folder / "masks.tif";
  }

  static model::Network network() { return model::Network::load(shared + "/models/" + GetParam().model); }

  double iou() const {
    const auto labels = io::open_stack(shared + "/data/stacks/" + GetParam().stack + "/labels.tif");
    io::MemoryStack truth = testing::first_of(*labels, 10);
    return evaluate(*io::open_stack(output.mask), truth).whole.iou();
  }

  static inline const std::string shared = FIBFLOW_SHARED;
  const testing::TemporaryFolder folder;
  InputOptions input;
  OutputOptions output;
};

TEST_P(DefaultsTest, AloneAreGood) {
  const auto stack = io::open_stack(shared + "/data/stacks/" + GetParam().stack + "/image.tif");
  segment(*stack, network(), input, {}, output, {});
  EXPECT_GE(iou(), GetParam().least);
}

TEST_P(DefaultsTest, TheModelThatAdaptWritesIsAsGood) {
  const auto stack = io::open_stack(shared + "/data/stacks/" + GetParam().stack + "/image.tif");
  const std::string bytes = adapted_model(network(), adapt(*stack, network(), input, {}, {}));
  AdaptationOptions none;
  none.recipe = Recipe::none;
  segment(*stack, model::Network::parse(std::as_bytes(std::span(bytes)), "adapted"), input, none, output, {});
  EXPECT_GE(iou(), GetParam().least);
}

INSTANTIATE_TEST_SUITE_P(Pairs, DefaultsTest, ::testing::ValuesIn(defaults), [](const auto& c) {
  return std::string(c.param.model).substr(0, 5) + "_on_" + c.param.stack;
});

INSTANTIATE_TEST_SUITE_P(Recipes, RecipeTableTest, ::testing::ValuesIn(rows),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace fibflow::pipeline
