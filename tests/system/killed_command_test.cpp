// `fibflow adapt` and `fibflow train --resume` as programs, killed at chosen changes of the file system: no output is there
// in part, nothing else is left, and the same command makes what one makes that was never killed. FIBFLOW_KILLS says how
// often each is killed.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "io/tiff/tiff_writer.h"
#include "tests/fixtures/disc_stack.h"
#include "tests/fixtures/fault_count.h"
#include "tests/fixtures/kills.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"
#include "tests/system/running_program.h"

namespace fibflow::testing {
namespace {

using Names = std::vector<std::string>;

class KilledCommandTest : public ::testing::Test {
 protected:
  ProgramEnd run(const std::vector<std::string>& arguments, const StartOptions& start = {}) {
    RunningProgram program(arguments, folder / "log", start);
    const auto end = program.wait();
    said = program.said();
    return end.value_or(ProgramEnd{});
  }

  Names outputs() const {
    Names names = files_in(folder / "out");
    std::ranges::sort(names);
    return names;
  }

  /// more: what a command needs to be given again after it was killed.
  void kill_at_any_change(const std::vector<std::string>& command, const std::vector<std::string>& more,
                          const Names& made) {
#ifdef FIBFLOW_SANITIZED
    GTEST_SKIP() << "a sanitizer has to be loaded first";
#endif
    std::vector<std::string> again = command;
    again.insert(again.end(), more.begin(), more.end());
    const auto begin_anew = [&] {
      std::filesystem::remove_all(folder / "out");
      std::filesystem::create_directory(folder / "out");
    };
    begin_anew();
    StartOptions counting;
    counting.environment = {{"LD_PRELOAD", FIBFLOW_KILLER}, {"FIBFLOW_COUNT_TO", folder / "count"}};
    ASSERT_EQ(run(command, counting).code, 0) << said;
    ASSERT_EQ(outputs(), made);
    std::vector<std::string> expected;
    for (const std::string& name : made) expected.push_back(bytes_of(folder / ("out/" + name)));
    const long changes = std::atol(bytes_of(folder / "count").c_str());
    ASSERT_GT(changes, 4);
    const long stride = std::max(1L, changes / kills_wanted(5));
    long kills = 0;
    for (long at = 1; at <= changes; at += stride) {
      SCOPED_TRACE("killed at change " + std::to_string(at) + " of " + std::to_string(changes));
      begin_anew();
      StartOptions killing;
      killing.environment = {{"LD_PRELOAD", FIBFLOW_KILLER}, {"FIBFLOW_KILL_AT", std::to_string(at)}};
      const ProgramEnd end = run(command, killing);
      kills += end.killed_by == SIGKILL ? 1 : 0;
      for (std::size_t i = 0; i < made.size(); ++i) {
        // Curves are drawn again and again.
        const std::string file = folder / ("out/" + made[i]);
        if (made[i].ends_with(".onnx") && std::filesystem::exists(file)) {
          EXPECT_TRUE(bytes_of(file) == expected[i]) << made[i];
        }
      }
      ASSERT_EQ(run(again).code, 0) << said;
      ASSERT_EQ(outputs(), made);
      for (std::size_t i = 0; i < made.size(); ++i)
        EXPECT_TRUE(bytes_of(folder / ("out/" + made[i])) == expected[i]) << made[i];
    }
    record_faults(kills);
  }

  const TemporaryFolder folder;
  std::string said;
};

TEST_F(KilledCommandTest, AdaptIsMadeAgain) {
  auto stack = textured_stack(6, 64, 80);
  write_tiff(stack, folder / "stack.tif");
  const std::string model = std::string(FIBFLOW_TEST_FIXTURES) + "/onnx/models/small.onnx";
  kill_at_any_change(
      {"adapt", folder / "stack.tif", "--model", model, "--output", folder / "out/adapted.onnx"},
      {"--overwrite"}, {"adapted.onnx"});
}

TEST_F(KilledCommandTest, TrainGoesOn) {
  DiscStack stack(6, 64, 72);
  write_tiff(stack.images, folder / "images.tif");
  write_tiff(stack.labels, folder / "labels.tif");
  kill_at_any_change({"train",
                      "--images",
                      folder / "images.tif",
                      "--labels",
                      folder / "labels.tif",
                      "--output",
                      folder / "out/model.onnx",
                      "--channels",
                      "4",
                      "--depth",
                      "2",
                      "--batch",
                      "2",
                      "--patch",
                      "32",
                      "--iterations",
                      "6",
                      "--validations",
                      "2",
                      "--resume"},
                     {"--overwrite"}, {"model.onnx", "model.png"});
}

}  // namespace
}  // namespace fibflow::testing
