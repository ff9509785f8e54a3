// The first failure stops a run with node, slice and cause, and leaves nothing under the outputs' names.
#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <string>

#include "io/error.h"
#include "pipeline/flow/interruption.h"
#include "pipeline/flow/pipeline_error.h"
#include "pipeline/options/exit_codes.h"
#include "pipeline/segment/run.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow::pipeline {
namespace {

using testing::small_network;
using testing::textured_stack;

/// A stack with one slice that cannot be read.
io::MemoryStack broken_stack(io::Stack& stack, std::int64_t broken) {
  return testing::changed(stack, [broken](io::Slice slice) {
    if (slice.z() == broken)
      throw io::Error(io::ErrorKind::bad_data, "stack.tif", "page 6: strip 2 is damaged");
    return slice;
  });
}

class FailureTest : public ::testing::Test {
 protected:
  FailureTest() {
    output.mask = folder / "masks.tif";
    output.probability = folder / "probabilities.tif";
    adaptation.probe = 0;
  }

  /// Runs, and returns what the failure says.
  std::string failure_of(io::Stack& stack, int expected_exit_code, const RunHooks& hooks = {}) {
    try {
      segment(stack, small_network(), {}, adaptation, output, {2, 0, 40}, hooks);
    } catch (const std::exception& error) {
      EXPECT_EQ(exit_code_of(error), expected_exit_code);
      EXPECT_TRUE(testing::files_in(folder / "").empty()) << testing::files_in(folder / "").front();
      return error.what();
    }
    return "nothing failed";
  }

  const testing::TemporaryFolder folder;
  OutputOptions output;
  AdaptationOptions adaptation;
};

TEST_F(FailureTest, AnUnreadableSliceIsNamedWithItsNode) {
  auto good = textured_stack(12, 72, 104);
  io::MemoryStack stack = broken_stack(good, 5);
  EXPECT_EQ(failure_of(stack, exit_data), "slice 5 (reader): stack.tif: page 6: strip 2 is damaged");
}

TEST_F(FailureTest, AnUnreadableSliceOfTheProbeIsNamed) {
  auto good = textured_stack(12, 72, 104);
  io::MemoryStack stack = broken_stack(good, 6);
  adaptation.probe = 3;
  EXPECT_EQ(failure_of(stack, exit_data), "slice 6 (reader): stack.tif: page 6: strip 2 is damaged");
}

TEST_F(FailureTest, APixelThatIsNotANumberIsNamed) {
  std::vector<float> voxels(8 * 72 * 104, 0.5F);
  voxels[3 * 72 * 104 + 7 * 104 + 9] = std::numeric_limits<float>::quiet_NaN();
  testing::MemoryStack<float> stack("floats", 8, 72, 104, std::move(voxels));
  EXPECT_EQ(failure_of(stack, exit_data),
            "slice 3 (normalizer): the pixel in row 7, column 9 is not a number");
}

TEST_F(FailureTest, ANetworkThatOverflowsIsNamedWithItsTile) {
  std::vector<float> voxels(4 * 72 * 104, 3e38F);
  testing::MemoryStack<float> stack("floats", 4, 72, 104, std::move(voxels));
  const std::string what = failure_of(stack, exit_data);
  EXPECT_NE(what.find("slice 0, tile "), std::string::npos) << what;
  EXPECT_NE(what.find(" (segmenter): "), std::string::npos) << what;
}

TEST_F(FailureTest, ASliceOfAnotherSizeIsNamed) {
  auto good = textured_stack(6, 72, 104);
  io::MemoryStack stack = testing::changed(
      good, [](io::Slice slice) { return slice.z() == 2 ? testing::textured_slice(2, 72, 100) : slice; });
  EXPECT_EQ(failure_of(stack, exit_data),
            "slice 2 (reader): the slice is 72 x 100 pixels, the stack 72 x 104");
}

TEST_F(FailureTest, AStopEndsTheRunWhereverItIs) {
  for (const int calls : {1, 20, 60}) {
    auto stack = textured_stack(12, 72, 104);
    std::stop_source source;
    std::atomic<int> left = calls;
    RunHooks hooks;
    hooks.stop = source.get_token();
    hooks.node_call = [&](const char*) {
      if (--left == 0) source.request_stop();
    };
    EXPECT_EQ(failure_of(stack, exit_internal, hooks), Interrupted().what()) << calls;
  }
}

TEST_F(FailureTest, AFailureInAnyNodeIsTheOneThatIsReported) {
  for (const std::string node : {"reader", "normalizer", "tiler", "segmenter", "stitcher", "sampler",
                                 "statistics updater", "writer"}) {
    auto stack = textured_stack(8, 72, 104);
    std::atomic<int> calls = 0;
    RunHooks hooks;
    hooks.node_call = [&](const char* name) {
      if (name == node && ++calls == 5) throw std::bad_alloc();
    };
    const std::string what = failure_of(stack, exit_system, hooks);
    EXPECT_NE(what.find("(" + node + ")"), std::string::npos) << what;
    EXPECT_TRUE(what.starts_with("slice ")) << what;
  }
}

TEST_F(FailureTest, OneOutputThatExistsKeepsTheOtherFromAppearing) {
  const std::string there = folder.write("probabilities.tif", "mine");
  auto stack = textured_stack(3, 72, 104);
  EXPECT_THROW(segment(stack, small_network(), {}, adaptation, output, {}), io::Error);
  EXPECT_EQ(testing::files_in(folder / ""), std::vector<std::string>{"probabilities.tif"});
  EXPECT_EQ(testing::bytes_of(there), "mine");
}

TEST_F(FailureTest, AModelWithoutBatchNormIsRefusedWithTheWayToExportIt) {
  auto stack = textured_stack(3, 72, 104);
  const auto folded = model::Network::load(std::string(FIBFLOW_TEST_FIXTURES) + "/onnx/models/folded.onnx");
  try {
    segment(stack, folded, {}, adaptation, output, {});
    ADD_FAILURE() << "adapted nothing";
  } catch (const model::ModelError& error) {
    EXPECT_NE(std::string(error.what()).find(model::export_hint), std::string::npos) << error.what();
  }
  EXPECT_TRUE(testing::files_in(folder / "").empty());
  adaptation = {};
  adaptation.recipe = Recipe::none;
  segment(stack, folded, {}, adaptation, output, {});
  EXPECT_EQ(testing::files_in(folder / "").size(), 2U);
}

}  // namespace
}  // namespace fibflow::pipeline
