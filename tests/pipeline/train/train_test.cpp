#include "pipeline/train/train.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "io/error.h"
#include "io/formats/formats.h"
#include "model/tile/network.h"
#include "pipeline/evaluate/evaluation.h"
#include "pipeline/flow/interruption.h"
#include "pipeline/segment/run.h"
#include "pipeline/train/training_checkpoint.h"
#include "tests/fixtures/disc_stack.h"
#include "tests/fixtures/temporary_folder.h"

namespace fibflow::pipeline {
namespace {

using fibflow::testing::DiscStack;
using fibflow::testing::MemoryStack;
using fibflow::testing::TemporaryFolder;

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class TrainTest : public ::testing::Test {
 protected:
  static TrainingOptions small() {
    TrainingOptions options;
    options.channels = 4;
    options.depth = 2;
    options.patches.patch = 32;
    options.patches.batch = 3;
    options.length.iterations = 12;
    options.validations = 4;
    return options;
  }

  TrainingOutput output(const std::string& name = "model") const {
    TrainingOutput out;
    out.model = folder_ / (name + ".onnx");
    out.checkpoint = folder_ / (name + ".checkpoint");
    out.curve = folder_ / (name + ".png");
    return out;
  }

  TrainingOutcome run(const TrainingOptions& options, const TrainingOutput& out, int threads = 2,
                      const RunHooks& hooks = {}) {
    return train({stack_.images, stack_.labels}, options, out, threads, hooks);
  }

  /// Stops after so many iterations of this run.
  void run_interrupted(const TrainingOptions& options, const TrainingOutput& out, int iterations,
                       int threads) {
    std::stop_source stop;
    RunHooks hooks;
    hooks.stop = stop.get_token();
    bool training = false;
    hooks.begin = [&](const std::string& phase, std::int64_t) { training = phase == "train"; };
    hooks.advance = [&] {
      if (training && --iterations == 0) stop.request_stop();
    };
    EXPECT_THROW(run(options, out, threads, hooks), Interrupted);
  }

  /// What train() throws.
  template <typename Error>
  std::string failure(const TrainingOptions& options, io::Stack& images, io::Stack& labels) {
    try {
      train({images, labels}, options, output("failing"), 2, {});
    } catch (const Error& error) {
      EXPECT_FALSE(std::filesystem::exists(folder_ / "failing.onnx"));
      return error.what();
    }
    ADD_FAILURE() << "nothing was thrown";
    return {};
  }

  TemporaryFolder folder_;
  DiscStack stack_{8, 64, 80};
};

TEST_F(TrainTest, LearnsToSegmentAndTellsHowWell) {
  TrainingOptions options = small();
  options.length.iterations = 150;
  options.patches.batch = 4;
  options.learning_rate = 1e-2;
  std::vector<std::string> lines;
  RunHooks hooks;
  hooks.log = [&](const std::string& line) { lines.push_back(line); };
  const TrainingOutcome outcome = run(options, output(), 2, hooks);
  EXPECT_TRUE(outcome.validated);
  EXPECT_GT(outcome.iou, 0.75);
  EXPECT_GE(outcome.iou_at_threshold, outcome.iou);
  EXPECT_EQ(outcome.iterations, 150);
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(),
                          [](const std::string& l) { return l.find("validation IoU") != l.npos; }),
            4);

  // What segment makes of it, with what the model says of itself.
  const auto network = model::Network::load(folder_ / "model.onnx");
  const auto& metadata = network.metadata();
  EXPECT_EQ(metadata.at("fibflow.normalization"), outcome.normalization.text());
  EXPECT_EQ(std::stod(metadata.at("fibflow.threshold")), outcome.threshold);
  EXPECT_EQ(metadata.at("fibflow.trained_on"), "images.tif, slices 0 to 6 of 8, 64 x 80");
  EXPECT_EQ(metadata.count("fibflow.voxel_nm"), 0U);  // the stack does not say
  const double foreground = std::stod(metadata.at("fibflow.foreground"));
  EXPECT_GT(foreground, 0.01);
  EXPECT_LT(foreground, 0.5);
  EXPECT_GT(std::stod(metadata.at("fibflow.object_diameter")), 3);
  AdaptationOptions adaptation;
  adaptation.recipe = Recipe::none;
  OutputOptions masks;
  masks.mask = folder_ / "mask.tif";
  masks.smoothing = {0};
  segment(stack_.images, network, {}, adaptation, masks, {}, {});
  const auto mask = io::open_stack(masks.mask);
  EvaluationOptions last_slice;
  last_slice.slices = {7, 8};
  const Evaluation evaluation = evaluate(*mask, stack_.labels, nullptr, last_slice);
  EXPECT_NEAR(evaluation.whole.iou(), outcome.iou_at_threshold, 2e-3);
}

TEST_F(TrainTest, WritesTheSameBytesWithAnyNumberOfThreads) {
  run(small(), output("one"), 1);
  const std::string expected = bytes_of(folder_ / "one.onnx");
  ASSERT_FALSE(expected.empty());
  for (const int threads : {2, 3, 7}) {
    const std::string name = "threads" + std::to_string(threads);
    run(small(), output(name), threads);
    EXPECT_TRUE(bytes_of(folder_ / (name + ".onnx")) == expected) << threads;
  }
  TrainingOptions other = small();
  other.patches.seed = 2;
  run(other, output("seed"));
  EXPECT_FALSE(bytes_of(folder_ / "seed.onnx") == expected);
}

TEST_F(TrainTest, GoesOnAfterInterruptionsAsIfThereHadBeenNone) {
  run(small(), output("whole"));
  const TrainingOutput out = output("parts");
  run_interrupted(small(), out, 4, 1);
  EXPECT_TRUE(std::filesystem::exists(out.checkpoint));
  EXPECT_FALSE(std::filesystem::exists(out.model));
  TrainingOutput resumed = out;
  resumed.resume = true;
  run_interrupted(small(), resumed, 3, 2);
  const TrainingOutcome outcome = run(small(), resumed, 3);
  EXPECT_EQ(outcome.iterations, 12);
  EXPECT_TRUE(bytes_of(out.model) == bytes_of(folder_ / "whole.onnx"));
  EXPECT_TRUE(bytes_of(out.curve) == bytes_of(folder_ / "whole.png"));
  EXPECT_FALSE(std::filesystem::exists(out.checkpoint)) << "a complete training needs no checkpoint";
}

TEST_F(TrainTest, RefusesToGoOnWithAnotherSetting) {
  TrainingOutput out = output();
  run_interrupted(small(), out, 2, 1);
  out.resume = true;
  TrainingOptions other = small();
  other.patches.seed = 5;
  try {
    run(other, out);
    FAIL();
  } catch (const io::Error& error) {
    EXPECT_EQ(error.kind(), io::ErrorKind::bad_data);
    EXPECT_NE(std::string(error.what()).find("another seed: 1, not 5"), std::string::npos) << error.what();
  }
  stack_.labels.voxels[0] = 255;
  EXPECT_THROW(run(small(), out), io::Error);
}

TEST_F(TrainTest, KeepsACheckpointThatNobodyAskedToReplace) {
  TrainingOutput out = output();
  run_interrupted(small(), out, 2, 1);
  try {
    run(small(), out);
    FAIL();
  } catch (const io::Error& error) {
    EXPECT_EQ(error.kind(), io::ErrorKind::cannot_create);
  }
  out.overwrite = true;
  EXPECT_NO_THROW(run(small(), out));
}

TEST_F(TrainTest, FindsAnyDamageToACheckpoint) {
  TrainingOutput out = output();
  run_interrupted(small(), out, 2, 1);
  const std::string good = bytes_of(out.checkpoint);
  std::string refusal;
  EXPECT_NO_THROW(TrainingCheckpoint::read(out.checkpoint, refusal));
  const auto expect_bad = [&](const std::string& bytes) {
    std::ofstream(out.checkpoint, std::ios::binary) << bytes;
    try {
      TrainingCheckpoint::read(out.checkpoint, refusal);
      ADD_FAILURE() << "not found";
    } catch (const io::Error& error) {
      EXPECT_EQ(error.kind(), io::ErrorKind::bad_data);
    }
  };
  for (std::size_t i = 0; i < good.size(); i += 1 + good.size() / 50) {
    std::string bad = good;
    bad[i] ^= 0x10;
    expect_bad(bad);
    expect_bad(good.substr(0, i));
  }
  expect_bad(good + "x");
  std::filesystem::remove(out.checkpoint);
  EXPECT_THROW(TrainingCheckpoint::read(out.checkpoint, refusal), io::Error);
}

TEST_F(TrainTest, GoesOnFromTheCheckpointBeforeADamagedOne) {
  run(small(), output("whole"));
  TrainingOutput out = output("parts");
  run_interrupted(small(), out, 4, 1);
  out.resume = true;
  run_interrupted(small(), out, 3, 1);
  std::ofstream(out.checkpoint, std::ios::app) << "x";
  run(small(), out);
  EXPECT_TRUE(bytes_of(out.model) == bytes_of(folder_ / "whole.onnx"));
}

TEST_F(TrainTest, WritesCheckpointsWhileItRuns) {
  TrainingOutput out = output();
  out.checkpoint_seconds = 0;
  RunHooks hooks;
  std::set<std::size_t> iterations;
  hooks.advance = [&] {
    std::string refusal;
    if (TrainingCheckpoint::exists(out.checkpoint))
      iterations.insert(TrainingCheckpoint::read(out.checkpoint, refusal).history.losses.size());
    EXPECT_EQ(refusal, "");
  };
  run(small(), out, 1, hooks);
  EXPECT_GE(iterations.size(), 10U);
}

TEST_F(TrainTest, LearnsClasses) {
  // Balls are class 2 in the left half of the image, and class 1 in the right one.
  for (std::size_t i = 0; i < stack_.labels.voxels.size(); ++i) {
    std::uint8_t& label = stack_.labels.voxels[i];
    if (label != 0) label = i % 80 < 40 ? 2 : 1;
  }
  TrainingOptions options = small();
  EXPECT_NE(failure<io::Error>(options, stack_.images, stack_.labels).find("--classes"), std::string::npos);
  options.classes = 3;
  const TrainingOutcome outcome = run(options, output());
  EXPECT_EQ(model::Network::load(folder_ / "model.onnx").output_channels(), 3);
  EXPECT_TRUE(outcome.validated);
  options.classes = 2;
}

TEST_F(TrainTest, ValidatesOnOtherStacks) {
  DiscStack other(2, 48, 64, 9);
  TrainingOptions options = small();
  const TrainingOutcome outcome =
      train({stack_.images, stack_.labels, &other.images, &other.labels}, options, output(), 2, {});
  EXPECT_TRUE(outcome.validated);
  EXPECT_EQ(model::Network::load(folder_ / "model.onnx").metadata().at("fibflow.trained_on"),
            "images.tif, slices 0 to 7 of 8, 64 x 80");
  EXPECT_THROW(train({stack_.images, stack_.labels, &other.images, nullptr}, options, output("b"), 2, {}),
               std::invalid_argument);
}

TEST_F(TrainTest, TrainsWithoutValidation) {
  TrainingOptions options = small();
  options.validation = 0;
  const TrainingOutcome outcome = run(options, output());
  EXPECT_FALSE(outcome.validated);
  EXPECT_EQ(outcome.best_iteration, 12);
  EXPECT_EQ(model::Network::load(folder_ / "model.onnx").metadata().at("fibflow.threshold"), "0.5");
}

TEST_F(TrainTest, EndsWhenItsTimeIsUp) {
  TrainingOptions options = small();
  options.length.iterations.reset();
  options.length.seconds = 0.5;
  const TrainingOutcome outcome = run(options, output());
  EXPECT_GE(outcome.seconds, 0.5);
  EXPECT_GE(outcome.iterations, 1);
}

TEST_F(TrainTest, CountsEpochsInVoxels) {
  TrainingOptions options = small();
  options.length.iterations.reset();
  options.length.epochs = 0.5;
  // 7 slices of 64 x 80 voxels, in batches of 3 x 32 x 32.
  EXPECT_EQ(run(options, output()).iterations, 6);
}

TEST_F(TrainTest, RefusesStacksThatDoNotBelongTogether) {
  DiscStack other(8, 64, 64);
  const std::string what = failure<io::Error>(small(), stack_.images, other.labels);
  EXPECT_EQ(what, "labels.tif: the labels are 8 x 64 x 64 voxels, but images.tif is 8 x 64 x 80");
}

TEST_F(TrainTest, NamesTheFirstLabelThatIsNone) {
  stack_.labels.voxels[2 * 64 * 80 + 3 * 80 + 7] = 128;
  const std::string what = failure<io::Error>(small(), stack_.images, stack_.labels);
  EXPECT_NE(what.find("labels.tif: slice 2: the label in row 3, column 7 is 128"), std::string::npos) << what;
  TrainingOptions options = small();
  options.classes = 200;
  stack_.labels.voxels[0] = 200;
  EXPECT_NE(failure<io::Error>(options, stack_.images, stack_.labels).find("below 200"), std::string::npos);
}

TEST_F(TrainTest, RefusesEmptyLabels) {
  auto& voxels = stack_.labels.voxels;
  std::fill(voxels.end() - 64 * 80, voxels.end(), 0);
  EXPECT_EQ(failure<io::Error>(small(), stack_.images, stack_.labels),
            "labels.tif: slices 7 to 7 have no foreground");
  std::fill(voxels.begin(), voxels.end(), 0);
  EXPECT_EQ(failure<io::Error>(small(), stack_.images, stack_.labels),
            "labels.tif: slices 0 to 6 have no foreground");
}

TEST_F(TrainTest, RefusesPixelsThatAreNotNumbers) {
  std::vector<float> voxels(stack_.images.voxels.begin(), stack_.images.voxels.end());
  voxels[4 * 64 * 80 + 81] = std::nanf("");
  MemoryStack<float> images("images.tif", 8, 64, 80, voxels);
  EXPECT_EQ(failure<io::Error>(small(), images, stack_.labels),
            "images.tif: slice 4: the pixel in row 1, column 1 is not a number");
  std::vector<float> labels(stack_.labels.voxels.begin(), stack_.labels.voxels.end());
  labels[3] = std::nanf("");
  MemoryStack<float> float_labels("labels.tif", 8, 64, 80, labels);
  EXPECT_NE(failure<io::Error>(small(), stack_.images, float_labels).find("slice 0"), std::string::npos);
}

TEST_F(TrainTest, RefusesImagesWithoutContrast) {
  std::fill(stack_.images.voxels.begin(), stack_.images.voxels.end(), 7);
  EXPECT_NE(failure<io::Error>(small(), stack_.images, stack_.labels).find("same intensity"),
            std::string::npos);
}

TEST_F(TrainTest, RefusesOptionsThatMakeNoSense) {
  const auto expect_refused = [&](auto&& change, const std::string& reason) {
    TrainingOptions options = small();
    change(options);
    const std::string what = failure<std::invalid_argument>(options, stack_.images, stack_.labels);
    EXPECT_NE(what.find(reason), std::string::npos) << what;
  };
  expect_refused([](TrainingOptions& o) { o.patches.patch = 96; }, "larger than");
  expect_refused([](TrainingOptions& o) { o.patches.patch = 30; }, "multiples of 4");
  expect_refused([](TrainingOptions& o) { o.validation = 0.99; }, "leaves none to train on");
  expect_refused([](TrainingOptions& o) { o.validation = 1; }, "share for validation");
  expect_refused([](TrainingOptions& o) { o.length.epochs = 1; }, "once");
  expect_refused([](TrainingOptions& o) { o.length = {}; }, "once");
  expect_refused([](TrainingOptions& o) { o.learning_rate = 0; }, "learning rate");
  expect_refused([](TrainingOptions& o) { o.channels = 0; }, "channels");
  expect_refused([](TrainingOptions& o) { o.patches.foreground_share = 2; }, "foreground");
  expect_refused([](TrainingOptions& o) { o.patches.augmentation.zoom = 3; }, "zoom");
  expect_refused([](TrainingOptions& o) { o.loss.dice = -1; }, "loss");
  expect_refused([](TrainingOptions& o) { o.learning_rate = 1e37; }, "smaller --learning-rate");
  expect_refused(
      [](TrainingOptions& o) {
        o.channels = 256;
        o.patches.batch = 1024;
        o.depth = 5;
      },
      "of memory");
}

TEST_F(TrainTest, LeavesFilesThatExistAlone) {
  const TrainingOutput out = output();
  std::ofstream(out.model) << "mine";
  EXPECT_THROW(run(small(), out), io::Error);
  EXPECT_EQ(bytes_of(out.model), "mine");
  std::filesystem::remove(out.model);
  std::ofstream(out.curve) << "mine";
  EXPECT_THROW(run(small(), out), io::Error);
  EXPECT_EQ(bytes_of(out.curve), "mine");
}

TEST_F(TrainTest, RefusesTwoOutputsOfOneName) {
  TrainingOutput out = output();
  out.curve = out.model;
  EXPECT_THROW(run(small(), out), std::invalid_argument);
}

TEST_F(TrainTest, DrawsTheCurve) {
  run(small(), output());
  const std::string png = bytes_of(folder_ / "model.png");
  EXPECT_EQ(png.substr(1, 3), "PNG");
  EXPECT_GT(png.size(), 3000U) << "a blank picture";
}

class PatchSamplerTest : public ::testing::Test {
 protected:
  std::vector<std::uint8_t> classes(PatchSampler& sampler, std::int64_t iteration) {
    std::vector<float> images(std::size_t{4} * 32 * 32);
    std::vector<std::uint8_t> labels(images.size());
    sampler.draw(iteration, images, labels);
    return labels;
  }

  static int patches_with_foreground(const std::vector<std::uint8_t>& labels) {
    int found = 0;
    for (std::size_t p = 0; p < 4; ++p) {
      const auto begin = labels.begin() + static_cast<std::ptrdiff_t>(p * 1024);
      found += std::any_of(begin, begin + 1024, [](std::uint8_t l) { return l != 0; });
    }
    return found;
  }

  static PatchOptions options(double foreground_share) {
    PatchOptions options;
    options.patch = 32;
    options.batch = 4;
    options.foreground_share = foreground_share;
    return options;
  }

  DiscStack stack_{4, 96, 128, 3};
};

TEST_F(PatchSamplerTest, DrawsTheSameBatchForAnIterationWhateverCameBefore) {
  LabelledSlices slices(stack_.images, stack_.labels, {}, 2, Foreground::labels, {});
  PatchSampler sampler(slices, {}, options(0.5), nodes::serial_loop);
  const auto fifth = classes(sampler, 5);
  EXPECT_NE(fifth, classes(sampler, 6));
  EXPECT_EQ(fifth, classes(sampler, 5));
}

TEST_F(PatchSamplerTest, FavoursTheForeground) {
  // One voxel is all there is.
  std::fill(stack_.labels.voxels.begin(), stack_.labels.voxels.end(), 0);
  stack_.labels.voxels[std::size_t{2} * 96 * 128 + 50 * 128 + 60] = 255;
  LabelledSlices slices(stack_.images, stack_.labels, {}, 2, Foreground::labels, {});
  PatchOptions plain = options(1);
  plain.augmentation = nodes::Augmentation::none();
  PatchSampler always(slices, {}, plain, nodes::serial_loop);
  plain.foreground_share = 0;
  PatchSampler never(slices, {}, plain, nodes::serial_loop);
  int found = 0;
  int by_chance = 0;
  for (int i = 0; i < 25; ++i) {
    found += patches_with_foreground(classes(always, i));
    by_chance += patches_with_foreground(classes(never, i));
  }
  EXPECT_EQ(found, 100);
  EXPECT_LT(by_chance, 20);
}

TEST_F(PatchSamplerTest, AnyNumberOfAnObjectCanBeForeground) {
  auto& labels = stack_.labels.voxels;
  std::fill(labels.begin(), labels.end(), 0);
  labels[77] = 17;
  labels[78] = 203;
  EXPECT_THROW(LabelledSlices(stack_.images, stack_.labels, {}, 2, Foreground::labels, {}), io::Error);
  LabelledSlices slices(stack_.images, stack_.labels, {}, 2, Foreground::nonzero, {});
  EXPECT_EQ(slices.voxels(1), 2);
  EXPECT_EQ(slices.read(0).classes.as<std::uint8_t>()[78], 1);
}

TEST_F(PatchSamplerTest, DrawsClassesEvenly) {
  auto& labels = stack_.labels.voxels;
  std::fill(labels.begin(), labels.end(), 1);
  labels[77] = 2;
  LabelledSlices slices(stack_.images, stack_.labels, {}, 3, Foreground::labels, {});
  PatchOptions plain = options(1);
  plain.augmentation = nodes::Augmentation::none();
  PatchSampler sampler(slices, {}, plain, nodes::serial_loop);
  int rare = 0;
  for (int i = 0; i < 25; ++i) {
    const auto drawn = classes(sampler, i);
    for (std::size_t p = 0; p < 4; ++p) {
      const auto begin = drawn.begin() + static_cast<std::ptrdiff_t>(p * 1024);
      rare += std::find(begin, begin + 1024, 2) != begin + 1024;
    }
  }
  EXPECT_NEAR(rare, 50, 20);
}

}  // namespace
}  // namespace fibflow::pipeline
