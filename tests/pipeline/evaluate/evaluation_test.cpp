#include "pipeline/evaluate/evaluation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "io/error.h"
#include "pipeline/flow/interruption.h"
#include "tests/fixtures/memory_stack.h"

namespace fibflow::pipeline {
namespace {

using testing::MemoryStack;
using testing::random_voxels;
using Bytes = std::vector<std::uint8_t>;

/// Throws what `action` throws as the message of an io::Error of bad data; "" if it throws nothing.
template <typename Action>
std::string bad_data_message(Action&& action) {
  try {
    action();
  } catch (const io::Error& error) {
    EXPECT_EQ(error.kind(), io::ErrorKind::bad_data);
    return error.what();
  }
  return "";
}

TEST(ConfusionTest, MeasuresAgreeWithTheirDefinitions) {
  const Confusion confusion{6, 2, 4, 88};
  EXPECT_DOUBLE_EQ(confusion.iou(), 6.0 / 12);
  EXPECT_DOUBLE_EQ(confusion.dice(), 12.0 / 18);
  EXPECT_DOUBLE_EQ(confusion.precision(), 6.0 / 8);
  EXPECT_DOUBLE_EQ(confusion.recall(), 6.0 / 10);
  EXPECT_EQ(confusion.voxels(), 100);
}

TEST(ConfusionTest, MeasureWithoutVoxelsIsNotANumber) {
  const Confusion empty{0, 0, 0, 100};
  EXPECT_TRUE(std::isnan(empty.iou()));
  EXPECT_TRUE(std::isnan(empty.dice()));
  EXPECT_TRUE(std::isnan(empty.precision()));
  EXPECT_TRUE(std::isnan(empty.recall()));
  const Confusion nothing_found{0, 0, 5, 95};
  EXPECT_EQ(nothing_found.iou(), 0);
  EXPECT_EQ(nothing_found.recall(), 0);
  EXPECT_TRUE(std::isnan(nothing_found.precision()));
}

TEST(EvaluationTest, CountsWhatALoopOverVoxelsCounts) {
  constexpr std::int64_t depth = 3;
  constexpr int height = 37;
  constexpr int width = 53;
  constexpr std::size_t per_slice = height * width;
  MemoryStack<std::uint8_t> prediction("p.tif", depth, height, width,
                                       random_voxels<std::uint8_t>(depth * per_slice, {0, 0, 255}, 1));
  MemoryStack<std::uint16_t> truth("t.tif", depth, height, width,
                                   random_voxels<std::uint16_t>(depth * per_slice, {0, 1}, 2));
  MemoryStack<float> mask("m.tif", depth, height, width,
                          random_voxels<float>(depth * per_slice, {0, 0.5, 1}, 3));

  Confusion whole;
  std::vector<Confusion> slices(depth);
  for (std::size_t i = 0; i < depth * per_slice; ++i) {
    if (mask.voxels[i] == 0) continue;
    Confusion& slice = slices[i / per_slice];
    const bool predicted = prediction.voxels[i] != 0;
    const bool actual = truth.voxels[i] != 0;
    if (predicted && actual) ++slice.true_positive;
    if (predicted && !actual) ++slice.false_positive;
    if (!predicted && actual) ++slice.false_negative;
    if (!predicted && !actual) ++slice.true_negative;
  }
  for (const Confusion& slice : slices) whole += slice;

  const Evaluation evaluation = evaluate(prediction, truth, &mask);
  EXPECT_EQ(evaluation.whole, whole);
  ASSERT_EQ(evaluation.slices.size(), slices.size());
  for (std::size_t z = 0; z < slices.size(); ++z) {
    EXPECT_EQ(evaluation.slices[z].z, static_cast<std::int64_t>(z));
    EXPECT_EQ(evaluation.slices[z].confusion, slices[z]);
  }
  EXPECT_TRUE(evaluation.remarks.empty());
}

TEST(EvaluationTest, CountsSlicesLargerThanABlockOfItsSums) {
  constexpr int side = 1500;  // 2.25 million voxels
  MemoryStack<std::uint8_t> prediction("p.tif", 1, side, side, Bytes(side * side, 255));
  MemoryStack<std::uint8_t> truth("t.tif", 1, side, side, Bytes(side * side, 1));
  truth.voxels.back() = 0;
  EXPECT_EQ(evaluate(prediction, truth).whole, (Confusion{side * side - 1, 1, 0, 0}));
}

TEST(EvaluationTest, ThresholdIsAShareOfTheTypesMaximum) {
  MemoryStack<std::uint8_t> truth("t.tif", 1, 1, 4, {1, 1, 1, 1});
  EvaluationOptions options;
  options.threshold = 0.5;
  MemoryStack<std::uint8_t> u8("p.tif", 1, 1, 4, {0, 127, 128, 255});
  EXPECT_EQ(evaluate(u8, truth, nullptr, options).whole.true_positive, 2);
  MemoryStack<std::uint16_t> u16("p.tif", 1, 1, 4, {0, 32767, 32768, 65535});
  EXPECT_EQ(evaluate(u16, truth, nullptr, options).whole.true_positive, 2);
  MemoryStack<float> f32("p.tif", 1, 1, 4, {0, 0.5F, 0.50001F, 7});
  EXPECT_EQ(evaluate(f32, truth, nullptr, options).whole.true_positive, 2);
}

TEST(EvaluationTest, VoxelAtTheThresholdIsBackgroundThoughTheThresholdIsNoFloat) {
  MemoryStack<std::uint8_t> truth("t.tif", 1, 1, 1, {1});
  MemoryStack<float> prediction("p.tif", 1, 1, 1, {0.1F});  // more than the double 0.1
  EvaluationOptions options;
  options.threshold = 0.1;
  EXPECT_EQ(evaluate(prediction, truth, nullptr, options).whole.true_positive, 0);
}

TEST(EvaluationTest, LabelIsComparedInBothStacks) {
  MemoryStack<std::uint8_t> prediction("p.tif", 1, 1, 6, {0, 1, 2, 2, 2, 1});
  MemoryStack<std::uint8_t> truth("t.tif", 1, 1, 6, {0, 1, 2, 1, 0, 2});
  EvaluationOptions options;
  options.label = 2;
  EXPECT_EQ(evaluate(prediction, truth, nullptr, options).whole, (Confusion{1, 2, 1, 2}));
}

TEST(EvaluationTest, OnlyTheSlicesOfTheRangeCount) {
  MemoryStack<std::uint8_t> prediction("p.tif", 4, 1, 1, {255, 255, 255, 255});
  MemoryStack<std::uint8_t> truth("t.tif", 4, 1, 1, {1, 0, 1, 0});
  EvaluationOptions options;
  options.slices = {1, 3};
  const Evaluation evaluation = evaluate(prediction, truth, nullptr, options);
  EXPECT_EQ(evaluation.whole, (Confusion{1, 1, 0, 0}));
  ASSERT_EQ(evaluation.slices.size(), 2U);
  EXPECT_EQ(evaluation.slices[0].z, 1);
  options.slices = {2, std::nullopt};
  EXPECT_EQ(evaluate(prediction, truth, nullptr, options).slices.size(), 2U);
}

TEST(EvaluationTest, RangeBeyondTheStackIsAUsageError) {
  MemoryStack<std::uint8_t> stack("p.tif", 4, 1, 1, {1, 1, 1, 1});
  EvaluationOptions options;
  for (const SliceRange& range :
       {SliceRange{0, 5}, SliceRange{4, std::nullopt}, SliceRange{2, 2}, SliceRange{-1, 2}}) {
    options.slices = range;
    EXPECT_THROW(evaluate(stack, stack, nullptr, options), std::invalid_argument);
  }
}

TEST(EvaluationTest, OtherShapeIsRefusedWithBothShapes) {
  MemoryStack<std::uint8_t> truth("truth.tif", 2, 3, 4, Bytes(24));
  MemoryStack<std::uint8_t> shallow("shallow.tif", 1, 3, 4, Bytes(12));
  MemoryStack<std::uint8_t> turned("turned.tif", 2, 4, 3, Bytes(24));
  EXPECT_EQ(bad_data_message([&] { evaluate(shallow, truth); }),
            "shallow.tif: its shape (z, y, x) is 1x3x4, but that of truth.tif is 2x3x4; --slices A:B says "
            "which of them it is of");
  EXPECT_EQ(bad_data_message([&] { evaluate(truth, truth, &turned); }),
            "turned.tif: its shape (z, y, x) is 2x4x3, but that of truth.tif is 2x3x4");
  EXPECT_NE(bad_data_message([&] { evaluate_classes(turned, truth); }), "");
}

TEST(EvaluationTest, NaNIsRefusedWithItsPlace) {
  MemoryStack<std::uint8_t> truth("t.tif", 2, 2, 3, Bytes(12));
  MemoryStack<float> prediction("p.tif", 2, 2, 3, std::vector<float>(12));
  prediction.voxels[6 + 3 + 2] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(bad_data_message([&] { evaluate(prediction, truth); }),
            "p.tif: slice 1 is not a number (NaN) at y 1, x 2");
}

TEST(EvaluationTest, SenselessThresholdIsAUsageError) {
  MemoryStack<std::uint8_t> stack("p.tif", 1, 1, 1, {1});
  EvaluationOptions options;
  for (const double threshold : {-0.1, 1.1, 128.0, std::numeric_limits<double>::quiet_NaN()}) {
    options.threshold = threshold;
    EXPECT_THROW(evaluate(stack, stack, nullptr, options), std::invalid_argument) << threshold;
  }
  options.threshold = 0.5;
  options.label = 1;
  EXPECT_THROW(evaluate(stack, stack, nullptr, options), std::invalid_argument);
}

TEST(EvaluationTest, ProbabilitiesWithoutAThresholdAreRemarkedOn) {
  MemoryStack<std::uint8_t> truth("t.tif", 1, 1, 3, {0, 1, 1});
  MemoryStack<std::uint8_t> probabilities("p.tif", 1, 1, 3, {0, 100, 200});
  const Evaluation evaluation = evaluate(probabilities, truth);
  ASSERT_EQ(evaluation.remarks.size(), 1U);
  EXPECT_NE(evaluation.remarks.front().find("p.tif"), std::string::npos);
  EvaluationOptions options;
  options.threshold = 0.5;
  EXPECT_TRUE(evaluate(probabilities, truth, nullptr, options).remarks.empty());
}

TEST(EvaluationTest, StopsWhenAsked) {
  MemoryStack<std::uint8_t> stack("p.tif", 4, 1, 1, {1, 1, 1, 1});
  std::stop_source stop;
  std::vector<std::int64_t> seen;
  EvaluationOptions options;
  options.stop = stop.get_token();
  options.on_slice = [&](std::int64_t z) {
    seen.push_back(z);
    if (z == 1) stop.request_stop();
  };
  EXPECT_THROW(evaluate(stack, stack, nullptr, options), Interrupted);
  EXPECT_EQ(seen, (std::vector<std::int64_t>{0, 1}));
}

TEST(ClassEvaluationTest, AgreesWithOneEvaluationPerLabel) {
  constexpr std::size_t voxels = 3 * 20 * 30;
  MemoryStack<std::uint8_t> prediction("p.tif", 3, 20, 30,
                                       random_voxels<std::uint8_t>(voxels, {0, 1, 2, 7}, 1));
  MemoryStack<std::uint16_t> truth("t.tif", 3, 20, 30, random_voxels<std::uint16_t>(voxels, {0, 0, 1, 2}, 2));
  MemoryStack<std::uint8_t> mask("m.tif", 3, 20, 30, random_voxels<std::uint8_t>(voxels, {0, 255}, 3));
  const ClassEvaluation classes = evaluate_classes(prediction, truth, &mask);
  ASSERT_EQ(classes.classes.size(), 4U);
  double sum = 0;
  std::int64_t right = 0;
  for (const auto& [label, confusion] : classes.classes) {
    EvaluationOptions options;
    options.label = label;
    EXPECT_EQ(confusion, evaluate(prediction, truth, &mask, options).whole) << "class " << label;
    EXPECT_EQ(confusion.voxels(), classes.voxels);
    sum += confusion.iou();
    right += confusion.true_positive;
  }
  EXPECT_DOUBLE_EQ(classes.mean_iou(), sum / 4);
  EXPECT_DOUBLE_EQ(classes.mean_iou_without_background(), (sum - classes.classes[0].confusion.iou()) / 3);
  EXPECT_DOUBLE_EQ(classes.accuracy(), static_cast<double>(right) / static_cast<double>(classes.voxels));
}

TEST(ClassEvaluationTest, SliceIsJudgedByItsOwnClasses) {
  MemoryStack<std::uint8_t> prediction("p.tif", 2, 1, 4, {0, 0, 1, 1, 5, 5, 5, 5});
  MemoryStack<std::uint8_t> truth("t.tif", 2, 1, 4, {0, 0, 0, 1, 5, 5, 5, 5});
  const ClassEvaluation classes = evaluate_classes(prediction, truth);
  ASSERT_EQ(classes.slices.size(), 2U);
  EXPECT_DOUBLE_EQ(classes.slices[0].mean_iou, (2.0 / 3 + 1.0 / 2) / 2);
  EXPECT_DOUBLE_EQ(classes.slices[0].accuracy, 3.0 / 4);
  EXPECT_DOUBLE_EQ(classes.slices[1].mean_iou, 1);
}

TEST(ClassEvaluationTest, BackgroundAloneHasNoForegroundMean) {
  MemoryStack<std::uint8_t> stack("p.tif", 1, 1, 2, {0, 0});
  const ClassEvaluation classes = evaluate_classes(stack, stack);
  EXPECT_EQ(classes.mean_iou(), 1);
  EXPECT_TRUE(std::isnan(classes.mean_iou_without_background()));
}

TEST(ClassEvaluationTest, RefusesWhatIsNoClassIndex) {
  MemoryStack<std::uint8_t> truth("t.tif", 1, 1, 2, {0, 0});
  MemoryStack<std::uint16_t> instances("i.tif", 1, 1, 2, {0, 256});
  MemoryStack<float> floats("f.tif", 1, 1, 2, {0, 1});
  MemoryStack<float> fractions("f.tif", 1, 1, 2, {0, 0.5F});
  EXPECT_EQ(bad_data_message([&] { evaluate_classes(instances, truth); }),
            "i.tif: label 256 in slice 0 is no class index: those are whole numbers from 0 to 255");
  EXPECT_EQ(bad_data_message([&] { evaluate_classes(fractions, truth); }),
            "f.tif: label 0.500000 in slice 0 is no class index: those are whole numbers from 0 to 255");
  EXPECT_EQ(evaluate_classes(floats, truth).accuracy(), 0.5);
  EvaluationOptions options;
  options.threshold = 0.5;
  EXPECT_THROW(evaluate_classes(truth, truth, nullptr, options), std::invalid_argument);
}

}  // namespace
}  // namespace fibflow::pipeline
