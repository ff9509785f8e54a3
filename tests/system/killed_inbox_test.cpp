// `fibflow watch --inbox` as a program: killed at chosen changes of the file system and at random moments, stopped, and let
// without room on its disk. FIBFLOW_KILLS says how often it is killed.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/fixtures/fault_count.h"
#include "tests/fixtures/kills.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"
#include "tests/system/running_program.h"
#include "tests/system/small_disk.h"

namespace fibflow::testing {
namespace {

namespace fs = std::filesystem;

class KilledInboxTest : public ::testing::Test {
 protected:
  KilledInboxTest() {
    fs::create_directories(folder / "stacks/slices");
    for (const int which : {0, 1}) {
      auto stack = textured_stack(5 + which, 48, 64 + 8 * which);
      write_tiff(stack, folder / ("stacks/cell " + std::to_string(which) + ".tif"));
    }
    auto slices = textured_stack(4, 40, 56);
    for (int z = 0; z < 4; ++z) {
      io::StackInfo info = slices.info();
      info.depth = 1;
      io::MemoryStack single(info, [&](std::int64_t) { return slices.read(z).at(0); });
      write_tiff(single, folder / ("stacks/slices/s_" + std::to_string(z) + ".tif"));
    }
    std::ofstream(folder / "stacks/slices/complete") << "";
    std::ofstream(folder / "stacks/broken.tif") << "not a TIFF";
  }

  void begin_anew() const {
    for (const char* name : {"in", "out", "failed", "done"}) fs::remove_all(folder / name);
    fs::copy(folder / "stacks", folder / "in", fs::copy_options::recursive);
  }

  std::vector<std::string> command(const std::string& output = "out") const {
    const std::string model = std::string(FIBFLOW_TEST_FIXTURES) + "/onnx/models/small.onnx";
    return {"watch",    "--inbox",         folder / "in",        "--model", model,
            "--output", folder / output,   "--settle",           "0s",      "--wait-missing",
            "0s",       "--stop-file",     folder / "stop",      "--done",  folder / "done",
            "--failed", folder / "failed", "--checkpoint-every", "0",       "--probability"};
  }

  /// To its end, or until it is killed.
  ProgramEnd run(const StartOptions& start = {}) {
    std::ofstream(folder / "stop") << "";
    RunningProgram program(command(), folder / "log", start);
    const auto end = program.wait();
    said = program.said();
    return end.value_or(ProgramEnd{});
  }

  /// Everything that is there in the end, by its path; of what differs from run to run only that it is there.
  std::map<std::string, std::string> all() const {
    std::map<std::string, std::string> files;
    for (const char* top : {"in", "out", "failed", "done"}) {
      if (!fs::exists(folder / top)) continue;
      for (const auto& entry : fs::recursive_directory_iterator(folder / top)) {
        const std::string path = entry.path().lexically_relative(folder / "").string();
        const bool same = path.ends_with(".tif") && entry.is_regular_file();
        if (path.find("/.state") == std::string::npos)
          files[path] = same ? bytes_of(entry.path().string()) : "";
      }
    }
    return files;
  }

  void expect_all(const std::map<std::string, std::string>& expected) const {
    const auto found = all();
    for (const auto& [path, bytes] : expected) {
      ASSERT_TRUE(found.contains(path)) << path << " is lost\n" << said;
      EXPECT_TRUE(found.at(path) == bytes) << path;
    }
    for (const auto& [path, bytes] : found) EXPECT_TRUE(expected.contains(path)) << path << " is left";
  }

  const TemporaryFolder folder;
  std::string said;
};

TEST_F(KilledInboxTest, KilledAtAnyChangeItLosesAndDoublesNothing) {
#ifdef FIBFLOW_SANITIZED
  GTEST_SKIP() << "a sanitizer has to be loaded first";
#endif
  begin_anew();
  StartOptions counting;
  counting.environment = {{"LD_PRELOAD", FIBFLOW_KILLER}, {"FIBFLOW_COUNT_TO", folder / "count"}};
  ASSERT_EQ(run(counting).code, 0) << said;
  const auto expected = all();
  ASSERT_TRUE(expected.contains("out/cell 0/masks.tif"));
  ASSERT_TRUE(expected.contains("out/slices/probabilities.tif"));
  ASSERT_TRUE(expected.contains("failed/broken.tif.reason.txt"));
  ASSERT_TRUE(expected.contains("done/slices/complete"));
  const long changes = std::atol(bytes_of(folder / "count").c_str());
  ASSERT_GT(changes, 60);
  const int wanted = kills_wanted(12);
  long kills = 0;
  for (int n = 0; n < wanted; ++n) {
    const long at = 1 + n * changes / wanted;
    SCOPED_TRACE("killed at change " + std::to_string(at) + " of " + std::to_string(changes));
    begin_anew();
    StartOptions killing;
    killing.environment = {{"LD_PRELOAD", FIBFLOW_KILLER}, {"FIBFLOW_KILL_AT", std::to_string(at)}};
    kills += run(killing).killed_by == SIGKILL ? 1 : 0;
    ASSERT_EQ(run().code, 0) << said;
    ASSERT_NO_FATAL_FAILURE(expect_all(expected));
  }
  EXPECT_GT(kills, 0);
  record_faults(kills);
}

TEST_F(KilledInboxTest, KilledAgainAndAgainItComesToItsEnd) {
  begin_anew();
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_EQ(run().code, 0) << said;
  const auto took = std::chrono::steady_clock::now() - begin;
  const auto expected = all();
  const char* seed = std::getenv("FIBFLOW_SEED");
  std::mt19937 random(seed == nullptr ? 1U : static_cast<unsigned>(std::atoi(seed)));
  long kills = 0;
  for (const int wanted = kills_wanted(6); kills < wanted;) {
    begin_anew();
    // A few in a row: what a restart was doing is killed, too.
    for (int row = 0; row < 3; ++row) {
      std::ofstream(folder / "stop") << "";
      RunningProgram program(command(), folder / "log");
      std::this_thread::sleep_for(took * std::uniform_real_distribution<>(0, 1)(random));
      kills += program.is_running() ? 1 : 0;
      program.kill();
    }
    ASSERT_EQ(run().code, 0) << said;
    ASSERT_NO_FATAL_FAILURE(expect_all(expected));
  }
  record_faults(kills);
}

TEST_F(KilledInboxTest, StoppedItEndsWithZeroAndGoesOn) {
  begin_anew();
  ASSERT_EQ(run().code, 0) << said;
  const auto expected = all();
  begin_anew();
  fs::remove(folder / "stop");
  {
    RunningProgram program(command(), folder / "log");
    ASSERT_TRUE(await([&] { return fs::exists(folder / "out/status.json"); }));
    program.signal(SIGTERM);
    const auto end = program.wait();
    ASSERT_TRUE(end);
    EXPECT_EQ(end->code, 0) << program.said();
  }
  ASSERT_EQ(run().code, 0) << said;
  expect_all(expected);
}

TEST_F(KilledInboxTest, AFullDiskPausesItAndRoomLetsItGoOn) {
  const SmallDisk disk(40 << 10);
  if (!disk.is_there()) GTEST_SKIP() << "mounting a small disk is not allowed here";
  begin_anew();
  std::vector<std::string> arguments = command();
  *(std::ranges::find(arguments, "--output") + 1) = disk / "out";
  arguments.insert(arguments.end(), {"--compression", "none"});
  std::ofstream(folder / "stop") << "";
  RunningProgram program(arguments, folder / "log");
  ASSERT_TRUE(await([&] { return program.said().find("paused until there is room") != std::string::npos; }))
      << program.said();
  disk.resize(64 << 20);
  const auto end = program.wait();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->code, 0) << program.said();
  for (const char* name : {"cell 0", "cell 1", "slices"})
    EXPECT_TRUE(fs::exists(disk / (std::string("out/") + name + "/report.html"))) << name;
  EXPECT_TRUE(fs::exists(folder / "failed/broken.tif.reason.txt"));
}

}  // namespace
}  // namespace fibflow::testing
