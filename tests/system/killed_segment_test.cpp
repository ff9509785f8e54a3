// `fibflow segment --resume` as a program, killed at random and at chosen changes of the file system, and with
// damaged checkpoints. FIBFLOW_KILLS says how often it is killed in each test (a few by default), FIBFLOW_SEED when.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "pipeline/options/exit_codes.h"
#include "tests/fixtures/fault_count.h"
#include "tests/fixtures/kept_marks.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"
#include "tests/system/running_program.h"

namespace fibflow::testing {
namespace {

int number_from(const char* variable, int otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::atoi(text);
}

/// The arguments of a run whose outputs have names beginning with `name`.
class KilledSegmentTest : public ::testing::Test {
 protected:
  KilledSegmentTest() {
    auto stack = textured_stack(40, 96, 128);
    write_tiff(stack, folder / "stack.tif");
  }

  std::vector<std::string> arguments(const std::string& name, const std::vector<std::string>& more = {}) {
    std::vector<std::string> all{"segment",  stack(),         "--model",       model(),
                                 "--output", name + "_m.tif", "--probability", name + "_p.tif",
                                 "--report", name + ".json",  "--threads",     "2"};
    all.insert(all.end(), options.begin(), options.end());
    all.insert(all.end(), more.begin(), more.end());
    if (std::count(more.begin(), more.end(), "--resume") > 0 && !checkpoint_every.empty())
      all.insert(all.end(), {"--checkpoint-every", checkpoint_every});
    return all;
  }
  /// Goes on. A run that was killed after its end is made again where nothing can tell that it was done.
  std::vector<std::string> resumed(const std::string& name) {
    if (std::filesystem::exists(name + "_m.tif") && !keeps_marks(folder)) {
      return arguments(name, {"--resume", "--overwrite"});
    }
    return arguments(name, {"--resume"});
  }
  std::string stack() const { return folder / "stack.tif"; }
  static std::string model() { return std::string(FIBFLOW_TEST_FIXTURES) + "/onnx/models/small.onnx"; }

  /// Runs to the end.
  ProgramEnd run(const std::vector<std::string>& all, const StartOptions& start = {}) {
    RunningProgram program(all, folder / "log", start);
    const auto end = program.wait();
    said = program.said();
    return end.value_or(ProgramEnd{});
  }

  /// What must not depend on interruptions.
  static nlohmann::json outcome(const std::string& name) {
    const auto report = nlohmann::json::parse(bytes_of(name + ".json"));
    nlohmann::json kept{{"adaptation", report.at("adaptation")}, {"slices", report.at("slices")}};
    for (auto& slice : kept["slices"]) {
      slice.erase("seconds");
      slice.erase("work_seconds");
      slice.erase("measure_seconds");
    }
    return kept;
  }

  void expect_equal(const std::string& name, const std::string& uninterrupted) {
    EXPECT_EQ(bytes_of(name + "_m.tif"), bytes_of(uninterrupted + "_m.tif")) << "masks differ";
    EXPECT_EQ(bytes_of(name + "_p.tif"), bytes_of(uninterrupted + "_p.tif")) << "probabilities differ";
    EXPECT_EQ(outcome(name), outcome(uninterrupted));
  }

  void expect_only_outputs() {
    auto left = files_in(folder / "killed");
    std::ranges::sort(left);
    EXPECT_EQ(left, (std::vector<std::string>{"run.json", "run_m.tif", "run_p.tif"}));
  }

  const TemporaryFolder folder;
  std::vector<std::string> options;  ///< of every run
  std::string checkpoint_every;      ///< of those that can be resumed
  std::string said;
};

class KilledRecipeTest : public KilledSegmentTest,
                         public ::testing::WithParamInterface<std::vector<std::string>> {};

TEST_P(KilledRecipeTest, KilledAtRandomMomentsItEndsWithTheBytesOfAnUninterruptedRun) {
  options = GetParam();
  checkpoint_every = "0.02";
  const std::string plain = folder / "plain";
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_EQ(run(arguments(plain)).code, 0) << said;
  const auto duration = std::chrono::steady_clock::now() - begin;

  std::filesystem::create_directory(folder / "killed");
  const std::string killed = folder / "killed/run";
  const int seed = number_from("FIBFLOW_SEED", 1);
  std::mt19937 random(static_cast<unsigned>(seed));
  SCOPED_TRACE("FIBFLOW_SEED=" + std::to_string(seed));
  int kills = number_from("FIBFLOW_KILLS", 2);
  record_faults(kills);
  std::optional<ProgramEnd> end;
  while (!end || end->killed_by == SIGKILL) {
    RunningProgram program(resumed(killed), folder / "killed.log");
    if (kills-- > 0) {
      std::this_thread::sleep_for(duration * (random() / 4294967296.0));
      program.kill();
    }
    end = program.wait();
    ASSERT_TRUE(end);
    said = program.said();
  }
  EXPECT_EQ(end->code, 0) << said;
  expect_equal(killed, plain);
  expect_only_outputs();
}

INSTANTIATE_TEST_SUITE_P(Recipes, KilledRecipeTest,
                         ::testing::Values(std::vector<std::string>{},
                                           std::vector<std::string>{"--measure-every", "2", "--renewal-drift",
                                                                    "0"},
                                           std::vector<std::string>{"--recipe", "two-pass"},
                                           std::vector<std::string>{"--measure-every", "all"}));

TEST_F(KilledSegmentTest, KilledAtAnyChangeOfTheFileSystemItGoesOn) {
#ifdef FIBFLOW_SANITIZED
  GTEST_SKIP() << "a sanitizer has to be loaded first";
#endif
  const std::string plain = folder / "plain";
  ASSERT_EQ(run(arguments(plain)).code, 0) << said;

  StartOptions counted;
  counted.environment = {{"LD_PRELOAD", FIBFLOW_KILLER}, {"FIBFLOW_COUNT_TO", folder / "count"}};
  std::filesystem::create_directory(folder / "counted");
  ASSERT_EQ(run(arguments(folder / "counted/run", {"--resume"}), counted).code, 0) << said;
  const long changes = std::atol(bytes_of(folder / "count").c_str());
  ASSERT_GT(changes, 100);

  // Every one of them in the long form; each kill is followed by another one, before the run may end.
  const int places = number_from("FIBFLOW_KILLS", 4);
  const long stride = std::max(1L, changes / places);
  for (long at = 1 + stride / 2; at <= changes; at += stride) {
    SCOPED_TRACE("killed at change " + std::to_string(at) + " of " + std::to_string(changes));
    std::filesystem::remove_all(folder / "killed");
    std::filesystem::create_directory(folder / "killed");
    const std::string killed = folder / "killed/run";
    for (const long again : {at, 1 + at / 3}) {
      StartOptions killing;
      killing.environment = {{"LD_PRELOAD", FIBFLOW_KILLER}, {"FIBFLOW_KILL_AT", std::to_string(again)}};
      run(arguments(killed, {"--resume"}), killing);
    }
    ASSERT_EQ(run(resumed(killed)).code, 0) << said;
    expect_equal(killed, plain);
    expect_only_outputs();
    record_faults(2 * (at / stride + 1));
  }
}

TEST_F(KilledSegmentTest, WhatAFailedSyncLosesIsMadeAgain) {
#ifdef FIBFLOW_SANITIZED
  GTEST_SKIP() << "a sanitizer has to be loaded first";
#endif
  const std::string plain = folder / "plain";
  ASSERT_EQ(run(arguments(plain)).code, 0) << said;
  checkpoint_every = "0";
  StartOptions counted;
  counted.environment = {{"LD_PRELOAD", FIBFLOW_LOSSY_DISK}, {"FIBFLOW_COUNT_TO", folder / "count"}};
  std::filesystem::create_directory(folder / "counted");
  ASSERT_EQ(run(arguments(folder / "counted/run", {"--resume"}), counted).code, 0) << said;
  const long syncs = std::atol(bytes_of(folder / "count").c_str());
  ASSERT_GT(syncs, 100);
  const int places = number_from("FIBFLOW_FAILING_SYNCS", 6);
  record_faults(places);
  for (long at = 1; at <= syncs; at += std::max(1L, syncs / places)) {
    SCOPED_TRACE("sync " + std::to_string(at) + " of " + std::to_string(syncs) + " failed");
    std::filesystem::remove_all(folder / "killed");
    std::filesystem::create_directory(folder / "killed");
    const std::string killed = folder / "killed/run";
    StartOptions losing;
    losing.environment = {{"LD_PRELOAD", FIBFLOW_LOSSY_DISK},
                          {"FIBFLOW_LOSE_AT", std::to_string(at)},
                          {"FIBFLOW_LOSE_ERROR", std::to_string(EIO)}};
    EXPECT_EQ(run(arguments(killed, {"--resume"}), losing).code, 74) << said;
    ASSERT_EQ(run(resumed(killed)).code, 0) << said;
    expect_equal(killed, plain);
    expect_only_outputs();
  }
}

/// A run that was killed in its middle, with a checkpoint after each slice.
class InterruptedSegmentTest : public KilledSegmentTest {
 protected:
  InterruptedSegmentTest() {
    checkpoint_every = "0";
    std::filesystem::create_directory(folder / "killed");
  }

  void SetUp() override {
#ifdef FIBFLOW_SANITIZED
    GTEST_SKIP() << "a sanitizer has to be loaded first";
#endif
    StartOptions killing;
    killing.environment = {{"LD_PRELOAD", FIBFLOW_KILLER}, {"FIBFLOW_KILL_AT", "300"}};
    ASSERT_EQ(run(arguments(killed(), {"--resume"}), killing).killed_by, SIGKILL) << said;
    ASSERT_TRUE(std::filesystem::exists(checkpoint()));
    ASSERT_TRUE(std::filesystem::exists(checkpoint() + ".previous"));
  }

  std::string killed() const {
    return folder / "killed/run";
  }
  std::string checkpoint() const {
    return folder / "killed/.run_m.tif.checkpoint";
  }
  void expect_that_it_ends_as_a_plain_run() {
    EXPECT_EQ(run(arguments(killed(), {"--resume"})).code, 0) << said;
    ASSERT_EQ(run(arguments(folder / "plain")).code, 0) << said;
    expect_equal(killed(), folder / "plain");
  }
};

TEST_F(InterruptedSegmentTest, ADamagedCheckpointIsSaidAndTheOlderOneUsed) {
  const std::string sound = bytes_of(checkpoint());
  for (const std::size_t at : {std::size_t{0}, sound.size() / 2, sound.size() - 1}) {
    std::string damaged = sound;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    std::filesystem::remove_all(folder / "copy");
    std::filesystem::copy(folder / "killed", folder / "copy");
    std::ofstream(checkpoint(), std::ios::binary) << damaged;
    EXPECT_EQ(run(arguments(killed(), {"--resume"})).code, 0) << said;
    EXPECT_NE(said.find(checkpoint()), std::string::npos)
        << "the damage at byte " << at << " was not told: " << said;
    if (!std::filesystem::exists(folder / "plain_m.tif")) {
      ASSERT_EQ(run(arguments(folder / "plain")).code, 0);
    }
    expect_equal(killed(), folder / "plain");
    std::filesystem::remove_all(folder / "killed");
    std::filesystem::rename(folder / "copy", folder / "killed");
  }
}

TEST_F(InterruptedSegmentTest, ACheckpointThatIsCutOffIsReplacedByTheOlderOne) {
  std::filesystem::resize_file(checkpoint(), 40);
  expect_that_it_ends_as_a_plain_run();
}

TEST_F(InterruptedSegmentTest, ACheckpointThatIsGoneIsReplacedByTheOlderOne) {
  std::filesystem::remove(checkpoint());
  expect_that_it_ends_as_a_plain_run();
}

TEST_F(InterruptedSegmentTest, OneByteThatDiffersInWhatIsKeptIsNoticed) {
  const std::string kept = folder / "killed/.run_m.tif.partial";
  std::string bytes = bytes_of(kept);
  const std::size_t at = bytes.size() / 3;
  bytes[at] ^= 1;
  std::ofstream(kept, std::ios::binary) << bytes;
  EXPECT_EQ(run(arguments(killed(), {"--resume"})).code, 65) << said;
  EXPECT_NE(said.find("run_m.tif.partial) is damaged"), std::string::npos) << said;
  // Nothing of it was lost: with that byte back it goes on.
  bytes = bytes_of(kept);
  bytes[at] ^= 1;
  std::ofstream(kept, std::ios::binary) << bytes;
  expect_that_it_ends_as_a_plain_run();
}

TEST_F(InterruptedSegmentTest, WithNoSoundCheckpointItIsRefusedAndNothingIsTouched) {
  for (const std::string& path : {checkpoint(), checkpoint() + ".previous"}) std::ofstream(path) << "rubbish";
  const auto before = files_in(folder / "killed");
  EXPECT_EQ(run(arguments(killed(), {"--resume"})).code, pipeline::exit_data) << said;
  EXPECT_NE(said.find(checkpoint()), std::string::npos) << said;
  EXPECT_EQ(files_in(folder / "killed").size(), before.size());
}

TEST_F(InterruptedSegmentTest, AnotherModelParameterOrStackIsRefused) {
  const auto refused = [&](std::vector<std::string> all, const char* what) {
    const ProgramEnd end = run(all);
    EXPECT_NE(end.code, 0) << what;
    EXPECT_NE(end.code, pipeline::exit_internal) << said;
    EXPECT_TRUE(std::filesystem::exists(checkpoint())) << what;
  };
  refused(arguments(killed(), {"--resume", "--source-share", "0.5"}), "another source share");
  refused(arguments(killed(), {"--resume", "--lag", "2"}), "another lag");
  auto other_model = arguments(killed(), {"--resume"});
  std::replace(other_model.begin(), other_model.end(), model(),
               std::string(FIBFLOW_TEST_FIXTURES) + "/onnx/models/plain_opset11.onnx");
  refused(other_model, "another model");
  auto stack_of_others = textured_stack(41, 96, 128);
  std::filesystem::remove(stack());
  write_tiff(stack_of_others, stack());
  refused(arguments(killed(), {"--resume"}), "another stack");
}

}  // namespace
}  // namespace fibflow::testing
