// Checkpoints of a live run that were crafted, with right checksums: refused as unusable (65), or gone on with; never a crash.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "pipeline/live/watch.h"
#include "pipeline/options/exit_codes.h"
#include "pipeline/state/durable_state.h"
#include "tests/fixtures/child_process.h"
#include "tests/fixtures/crafted_states.h"
#include "tests/fixtures/fault_count.h"
#include "tests/fixtures/small_network.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow::pipeline {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

class CraftedWatchStateTest : public ::testing::Test {
 protected:
  CraftedWatchStateTest() {
    fs::create_directory(folder / "in");
    auto slices = testing::textured_stack(6, 24, 32);
    for (int z = 0; z < 6; ++z) {
      io::StackInfo info = slices.info();
      info.depth = 1;
      io::MemoryStack single(info, [&](std::int64_t) { return slices.read(z).at(0); });
      testing::write_tiff(single, folder / ("in/s_" + std::to_string(z) + ".tif"));
    }
  }

  /// Until so many slices are acknowledged, or to its end.
  testing::Ending run(std::uint64_t stop_after = 0) const {
    return testing::in_small_child([&]() -> int {
      try {
        std::stop_source stop;
        StatusBoard board;
        Liveness liveness(std::chrono::hours(1));
        LiveRequests requests(stop.get_token());
        WatchOptions options;
        options.acquisition.folder = folder / "in";
        options.smoothing = {0};  // each slice is written at once
        options.acquisition.settle = milliseconds(0);
        options.acquisition.wait_missing = milliseconds(0);
        options.acquisition.poll = milliseconds(10);
        options.output.folder = folder / "out";
        if (stop_after == 0) std::ofstream(folder / "out/stop") << "";
        AdaptationOptions adaptation;
        adaptation.lag = 2;
        // Asked for with the first slice that is segmented.
        const auto say = [&](const std::string&) {};
        std::thread stopper;
        if (stop_after > 0) {
          stopper = std::thread([&] {
            while (board.latest().status->counts.processed < stop_after)
              board.wait_for_change(0, milliseconds(5));
            stop.request_stop();
          });
        }
        watch(testing::small_network(), options, {}, adaptation, {1, 0, 0},
              {stop.get_token(), say, say, board, liveness, requests, [] {}});
        if (stopper.joinable()) stopper.join();
      } catch (const std::exception& error) {
        std::ofstream(folder / "error.txt") << error.what();
        return exit_code_of(error);
      }
      return exit_ok;
    });
  }

  void replace(const std::string& from, const std::string& to) const {
    fs::remove_all(folder / to);
    fs::copy(folder / from, folder / to, fs::copy_options::recursive);
  }

  const testing::TemporaryFolder folder;
};

TEST_F(CraftedWatchStateTest, IsRefusedOrGoneOnWith) {
  fs::create_directory(folder / "out");
  ASSERT_EQ(run(3).code, exit_ok);
  replace("out", "begun");
  ASSERT_EQ(run().code, exit_ok);
  const std::string masks = testing::bytes_of(folder / "out/masks.tif");
  constexpr const char* kind = "watch checkpoint 9";
  nlohmann::ordered_json truth;
  std::string ignored;
  ASSERT_TRUE(DurableState(folder / "begun/.state/checkpoint", kind)
                  .read([&](const auto& json) { truth = json; }, ignored));
  int refused = 0;
  const auto all = testing::some_of(testing::crafted_states(truth), 120);
  testing::record_faults(static_cast<long>(all.size()));
  for (const testing::CraftedState& crafted : all) {
    replace("begun", "out");
    fs::remove(folder / "error.txt");
    DurableState(folder / "out/.state/checkpoint", kind).write(crafted.state);
    fs::remove(folder / "out/.state/checkpoint.previous");
    const testing::Ending ending = run();
    EXPECT_EQ(ending.killed_by, 0) << crafted.what;
    EXPECT_TRUE(ending.code == exit_ok || ending.code == exit_data)
        << crafted.what << ": " << ending.code << ", "
        << (fs::exists(folder / "error.txt") ? testing::bytes_of(folder / "error.txt") : "");
    if (ending.code == exit_ok && crafted.is_impossible) {
      EXPECT_TRUE(testing::bytes_of(folder / "out/masks.tif") == masks) << crafted.what;
    }
    refused += ending.code == exit_data ? 1 : 0;
  }
  EXPECT_GT(refused, static_cast<int>(all.size()) / 3);
}

}  // namespace
}  // namespace fibflow::pipeline
