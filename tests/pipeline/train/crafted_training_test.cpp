// Checkpoints of trainings that were crafted, with right checksums: refused as unusable (65), or gone on with; never a crash.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "pipeline/flow/interruption.h"
#include "pipeline/options/exit_codes.h"
#include "pipeline/options/version.h"
#include "pipeline/state/durable_state.h"
#include "pipeline/train/train.h"
#include "tests/fixtures/child_process.h"
#include "tests/fixtures/crafted_states.h"
#include "tests/fixtures/disc_stack.h"
#include "tests/fixtures/fault_count.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow::pipeline {
namespace {

namespace fs = std::filesystem;

class CraftedTrainingTest : public ::testing::Test {
 protected:
  testing::Ending run(const std::string& to, int stop_after = -1) {
    return testing::in_small_child([&]() -> int {
      try {
        TrainingOptions options;
        options.channels = 4;
        options.depth = 1;
        options.patches.patch = 16;
        options.patches.batch = 2;
        options.length.iterations = 4;
        options.validations = 2;
        std::stop_source stop;
        RunHooks hooks;
        hooks.stop = stop.get_token();
        bool training = false;
        hooks.begin = [&](const std::string& phase, std::int64_t) { training = phase == "train"; };
        hooks.advance = [&] {
          if (training && --stop_after == 0) stop.request_stop();
        };
        TrainingOutput output;
        output.model = to + "/model.onnx";
        output.checkpoint = to + "/checkpoint";
        output.resume = true;
        train({stack.images, stack.labels}, options, output, 1, hooks);
      } catch (const Interrupted&) {
        return exit_ok;
      } catch (const std::exception& error) {
        std::ofstream(to + "/error.txt") << error.what();
        return exit_code_of(error);
      }
      return exit_ok;
    });
  }

  const testing::TemporaryFolder folder;
  testing::DiscStack stack{4, 32, 40};
};

TEST_F(CraftedTrainingTest, IsRefusedOrGoneOnWith) {
  const std::string whole = folder / "whole";
  const std::string begun = folder / "begun";
  const std::string out = folder / "out";
  for (const std::string& path : {whole, begun}) fs::create_directory(path);
  ASSERT_EQ(run(whole).code, exit_ok);
  ASSERT_EQ(run(begun, 2).code, exit_ok);
  const std::string kind = std::string("training checkpoint 2 of ") + version();
  nlohmann::ordered_json truth;
  std::string ignored;
  ASSERT_TRUE(
      DurableState(begun + "/checkpoint", kind).read([&](const auto& json) { truth = json; }, ignored));
  const std::string model = testing::bytes_of(whole + "/model.onnx");
  int refused = 0;
  const auto all = testing::some_of(testing::crafted_states(truth), 100);
  testing::record_faults(static_cast<long>(all.size()));
  for (const testing::CraftedState& crafted : all) {
    fs::remove_all(out);
    fs::create_directory(out);
    DurableState(out + "/checkpoint", kind).write(crafted.state);
    const testing::Ending ending = run(out);
    EXPECT_EQ(ending.killed_by, 0) << crafted.what;
    EXPECT_TRUE(ending.code == exit_ok || ending.code == exit_data)
        << crafted.what << ": " << ending.code << ", "
        << (fs::exists(out + "/error.txt") ? testing::bytes_of(out + "/error.txt") : "");
    if (ending.code == exit_ok && crafted.is_impossible) {
      EXPECT_TRUE(testing::bytes_of(out + "/model.onnx") == model) << crafted.what;
    }
    refused += ending.code == exit_data ? 1 : 0;
  }
  EXPECT_GT(refused, static_cast<int>(all.size()) / 3);
}

}  // namespace
}  // namespace fibflow::pipeline
