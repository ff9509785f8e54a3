// Checkpoints that were crafted, with right checksums: refused as unusable (65), or as good as the true one; never a crash, and
// never much memory or time.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "io/formats/formats.h"
#include "pipeline/flow/interruption.h"
#include "pipeline/options/exit_codes.h"
#include "pipeline/segment/checkpoint.h"
#include "pipeline/segment/run.h"
#include "pipeline/state/durable_state.h"
#include "tests/fixtures/child_process.h"
#include "tests/fixtures/crafted_states.h"
#include "tests/fixtures/fault_count.h"
#include "tests/fixtures/small_network.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow::pipeline {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

class CraftedCheckpointTest : public ::testing::Test {
 protected:
  static constexpr int depth = 7;

  CraftedCheckpointTest() {
    auto slices = testing::textured_stack(depth, 24, 32);
    testing::write_tiff(slices, folder / "stack.tif");
  }

  /// The exit code of a run in a process of its own; it has a minute and two gigabytes.
  testing::Ending run(const std::string& to, bool resume, int stop_after = -1) const {
    return testing::in_small_child([&]() -> int {
      try {
        const auto stack = io::open_stack(folder / "stack.tif");
        OutputOptions output;
        output.mask = to + "/masks.tif";
        output.resume = resume;
        output.overwrite = true;
        output.checkpoint_seconds = 0;
        AdaptationOptions adaptation;
        adaptation.lag = 2;
        std::stop_source stop;
        RunHooks hooks;
        hooks.stop = stop.get_token();
        int done = 0;
        bool segments = false;
        hooks.begin = [&](const std::string& phase, std::int64_t) { segments = phase == "segment"; };
        hooks.advance = [&] {
          if (segments && ++done == stop_after) stop.request_stop();
        };
        const Outcome outcome =
            segment(*stack, testing::small_network(), {}, adaptation, output, {1, 0, 0}, hooks);
        std::ofstream(to + "/report.json") << report_json(outcome);
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
};

TEST_F(CraftedCheckpointTest, IsRefusedOrAsGoodAsTheTrueOne) {
  const std::string whole = folder / "whole";
  const std::string begun = folder / "begun";
  const std::string out = folder / "out";
  for (const std::string& path : {whole, begun}) fs::create_directory(path);
  ASSERT_EQ(run(whole, false).code, exit_ok);
  ASSERT_EQ(run(begun, true, 3).code, exit_ok);
  Json truth;
  std::string ignored;
  ASSERT_TRUE(DurableState(begun + "/.masks.tif.checkpoint", Checkpoint::kind)
                  .read([&](const Json& json) { truth = json; }, ignored));
  const std::string masks = testing::bytes_of(whole + "/masks.tif");
  int refused = 0, accepted = 0;
  const auto all = testing::some_of(testing::crafted_states(truth), 200);
  testing::record_faults(static_cast<long>(all.size()));
  for (const testing::CraftedState& crafted : all) {
    fs::remove_all(out);
    fs::copy(begun, out);
    // Outputs are known by their inode, too.
    fs::remove(out + "/.masks.tif.partial");
    fs::rename(begun + "/.masks.tif.partial", out + "/.masks.tif.partial");
    const auto size = fs::file_size(out + "/.masks.tif.partial");
    const std::string partial = testing::bytes_of(out + "/.masks.tif.partial");
    const std::string checkpoint = out + "/.masks.tif.checkpoint";
    DurableState(checkpoint, Checkpoint::kind).write(crafted.state);
    fs::remove(checkpoint + ".previous");
    const testing::Ending ending = run(out, true);
    EXPECT_EQ(ending.killed_by, 0) << crafted.what;
    EXPECT_TRUE(ending.code == exit_ok || ending.code == exit_data)
        << crafted.what << ": " << ending.code << ", "
        << (fs::exists(out + "/error.txt") ? testing::bytes_of(out + "/error.txt") : "");
    if (ending.code == exit_ok && crafted.is_impossible) {
      EXPECT_TRUE(testing::bytes_of(out + "/masks.tif") == masks) << crafted.what;
    }
    ++(ending.code == exit_ok ? accepted : refused);
    // The same file again, as it was.
    const std::string last =
        fs::exists(out + "/masks.tif") ? out + "/masks.tif" : out + "/.masks.tif.partial";
    std::ofstream(last, std::ios::binary | std::ios::in | std::ios::out) << partial;
    fs::resize_file(last, size);
    fs::rename(last, begun + "/.masks.tif.partial");
  }
  EXPECT_GT(refused, accepted / 2);
}

}  // namespace
}  // namespace fibflow::pipeline
