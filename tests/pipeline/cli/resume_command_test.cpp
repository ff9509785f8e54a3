// `fibflow segment --resume` as users, service managers and power cuts meet it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iostream>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "model/engine/cpu.h"
#include "tests/fixtures/fault_count.h"
#include "tests/fixtures/kept_marks.h"
#include "tests/fixtures/kills.h"
#include "tests/fixtures/run_program.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow {
namespace {

using testing::bytes_of;
using testing::run_fibflow;
using Names = std::vector<std::string>;

const std::string model_file = std::string(FIBFLOW_TEST_FIXTURES) + "/onnx/models/small.onnx";

class ResumeCommandTest : public ::testing::Test {
 protected:
  ResumeCommandTest() {
    auto slices = testing::textured_stack(10, 96, 104);
    testing::write_tiff(slices, stack);
    std::filesystem::create_directory(whole);
    std::filesystem::create_directory(out);
  }

  Names segment(const std::string& into, Names more = {}) const {
    Names all{
        "segment",       stack,    "--model", model_file,           "-o",  into + "/m.tif", "--probability",
        into + "/p.tif", "--tile", "48",      "--probability-type", "f32", "--compression", "none"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  Names resumable(const Names& more = {}) const {
    Names all = segment(out, {"--resume", "--checkpoint-every", "0"});
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  /// Whether a resumable run was stopped before its end, and left what can be gone on with.
  bool is_interrupted(const Names& more = {}) const {
    testing::ProgramOptions options;
    options.signal_when = "comparison: ";  // the segmentation begins
    options.signal = SIGINT;
    constexpr int tries = 20;  // it may be over before the signal comes
    for (int i = 0; i < tries; ++i) {
      if (run_fibflow(resumable(more), options).code == 130) return true;
      for (const std::string& name : files(out)) std::filesystem::remove(out + "/" + name);
    }
    return false;
  }

  static Names files(const std::string& folder) {
    Names names = testing::files_in(folder);
    std::sort(names.begin(), names.end());
    return names;
  }

  /// Moves a complete result out of the way of the next run.
  void check_completed() const {
    for (const std::string name : {"m.tif", "p.tif"}) {
      EXPECT_TRUE(bytes_of(out + "/" + name) == bytes_of(whole + "/" + name)) << name;
    }
  }

  const testing::TemporaryFolder folder;
  const std::string stack = folder / "stack.tif";
  const std::string whole = folder / "whole";
  const std::string out = folder / "out";
};

TEST_F(ResumeCommandTest, GoesOnWithTheInstructionsThatItWasBegunWith) {
  const std::string best = model::name_of(model::largest_instruction_set());
  if (best == "generic") GTEST_SKIP() << "this machine has but one instruction set";
  const std::string lower = best == "avx512" ? "avx2" : "generic";
  ASSERT_EQ(run_fibflow(segment(whole, {"--isa", lower, "--report", whole + "/r.json"})).code, 0);
  EXPECT_NE(bytes_of(whole + "/r.json").find("\"instruction_set\": \"" + lower + "\""), std::string::npos);

  // Stopped, and gone on with by a process that has more.
  ASSERT_TRUE(is_interrupted({"--isa", lower}));
  const testing::ProgramRun more = run_fibflow(resumable());
  ASSERT_EQ(more.code, 0) << more.err;
  EXPECT_NE(more.err.find("computing with " + lower + " instructions, as it was begun"), std::string::npos)
      << more.err;
  for (const char* name : {"/m.tif", "/p.tif"})
    EXPECT_TRUE(bytes_of(out + name) == bytes_of(whole + name)) << name;
}

TEST_F(ResumeCommandTest, RefusesToGoOnWithInstructionsThatAreNotThere) {
  const std::string best = model::name_of(model::largest_instruction_set());
  if (best == "generic") GTEST_SKIP() << "this machine has but one instruction set";
  ASSERT_TRUE(is_interrupted());
  const Names before = files(out);
  testing::ProgramOptions without;
  without.environment = {{"ONEDNN_MAX_CPU_ISA", best == "avx512" ? "AVX2" : "SSE41"}};
  const testing::ProgramRun less = run_fibflow(resumable(), without);
  EXPECT_EQ(less.code, 65);
  EXPECT_NE(less.err.find("was begun with " + best + " instructions, which this machine does not have"),
            std::string::npos)
      << less.err;
  const testing::ProgramRun asked = run_fibflow(resumable({"--isa", "generic"}));
  EXPECT_EQ(asked.code, 65);
  EXPECT_NE(asked.err.find("another instruction set"), std::string::npos) << asked.err;
  EXPECT_EQ(run_fibflow(resumable({"--isa", best}), without).code, 64) << "there is none to pin";
  EXPECT_EQ(files(out), before);
  EXPECT_EQ(run_fibflow(resumable()).code, 0);
}

TEST_F(ResumeCommandTest, KilledAtRandomMomentsItLosesNothing) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  ASSERT_EQ(run_fibflow(segment(whole)).code, 0);
  const auto once = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);
  const int wanted = testing::kills_wanted(5);
  testing::record_faults(wanted);
  std::mt19937 random(std::random_device{}());
  int kills = 0;
  int stories = 0;
  for (; kills < wanted; ++stories) {
    std::filesystem::remove_all(out);
    std::filesystem::create_directory(out);
    const auto story = testing::run_through_kills(
        resumable({"--report", out + "/r.json"}), wanted - kills, 2 * once, random, [&] {
          for (const std::string& name : files(out)) {
            // Under their own names only what is complete.
            if (name == "m.tif" || name == "p.tif") {
              EXPECT_TRUE(bytes_of(out + "/" + name) == bytes_of(whole + "/" + name)) << name;
            }
          }
        });
    kills += story.kills;
    // Killed after the checkpoint was gone, it had come to its end; unless it left a mark, its outputs are in the way.
    const bool unknown = story.last.code == 73 && story.kills > 0 && !testing::keeps_marks(folder);
    ASSERT_TRUE(story.last.code == 0 || unknown) << story.last.err;
    check_completed();
    EXPECT_EQ(files(out), (Names{"m.tif", "p.tif", "r.json"}));
    if (HasFailure()) break;
  }
  std::cout << kills << " kills in " << stories << " runs\n";
}

TEST_F(ResumeCommandTest, InterruptedItSaysWhatIsSafeAndGoesOn) {
  ASSERT_EQ(run_fibflow(segment(whole)).code, 0);
  testing::ProgramOptions options;
  options.signal_when = "comparison: ";  // the segmentation begins
  options.signal = SIGINT;
  const auto stopped = run_fibflow(resumable(), options);
  // The run may be over before the signal comes.
  if (stopped.code != 0) {
    EXPECT_EQ(stopped.code, 130) << stopped.err;
    EXPECT_NE(stopped.err.find("of 10 slices are safe; the same command goes on from there"),
              std::string::npos)
        << stopped.err;
    const auto run = run_fibflow(resumable());
    EXPECT_EQ(run.code, 0) << run.err;
    EXPECT_NE(run.err.find("the run goes on: "), std::string::npos) << run.err;
  }
  check_completed();
}

TEST_F(ResumeCommandTest, TheLongestNamesCanBeResumed) {
  const std::string name = out + "/" + std::string(250, 'm') + ".tif";
  const Names command{"segment", stack, "--model", model_file, "-o", name, "--resume"};
  const auto run = run_fibflow(command);
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(files(out).size(), 1U);
  const auto again = run_fibflow(command);
  EXPECT_EQ(again.code, 0) << again.err;
}

TEST_F(ResumeCommandTest, TwoAtOnceOnOneOutputAreRefused) {
  const std::string busy = out + "/.m.tif.partial";
  // Another program has the lock.
  const int lock = ::open(busy.c_str(), O_RDWR | O_CREAT, 0666);
  ASSERT_EQ(::flock(lock, LOCK_EX), 0);
  const auto run = run_fibflow(resumable());
  ::close(lock);
  EXPECT_EQ(run.code, 73);
  EXPECT_NE(run.err.find("is being written by another process"), std::string::npos) << run.err;
}

TEST_F(ResumeCommandTest, AnOutputThatExistsIsRefusedAtOnce) {
  std::ofstream(out + "/m.tif") << "mine";
  const auto run = run_fibflow(resumable());
  EXPECT_EQ(run.code, 73) << run.err;
  EXPECT_EQ(bytes_of(out + "/m.tif"), "mine");
}

class DoneTest : public ResumeCommandTest {
 protected:
  void SetUp() override {
    if (!testing::keeps_marks(folder)) GTEST_SKIP() << "the file system keeps no extended attributes";
    const auto run = run_fibflow(with_report());
    ASSERT_EQ(run.code, 0) << run.err;
    before = bytes_of(out + "/m.tif");
  }
  Names with_report(const Names& more = {}) const {
    Names all = resumable({"--report", out + "/r.json"});
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  void expect_refusal(const Names& command, const std::string& reason) const {
    const auto run = run_fibflow(command);
    EXPECT_EQ(run.code, 73) << run.err;
    EXPECT_NE(run.err.find(reason), std::string::npos) << run.err;
    EXPECT_TRUE(bytes_of(out + "/m.tif") == before);
  }

  const std::string unknown = "m.tif: exists already, and is not known to be what this command makes";
  std::string before;
};

TEST_F(DoneTest, RunAgainAfterItsEndItSaysSoAndLeavesAllAsItIs) {
  const auto report = bytes_of(out + "/r.json");
  const auto written = std::filesystem::last_write_time(out + "/m.tif");
  for (int i = 0; i < 2; ++i) {
    const auto run = run_fibflow(with_report({"--threads", "1"}));
    EXPECT_EQ(run.code, 0) << run.err;
    EXPECT_NE(run.err.find("m.tif: done already"), std::string::npos) << run.err;
  }
  EXPECT_EQ(std::filesystem::last_write_time(out + "/m.tif"), written);
  EXPECT_TRUE(bytes_of(out + "/r.json") == report);
  EXPECT_EQ(files(out), (Names{"m.tif", "p.tif", "r.json"}));
  // The mark changes no byte.
  ASSERT_EQ(run_fibflow(segment(whole)).code, 0);
  check_completed();
}

TEST_F(DoneTest, AnotherSettingIsNotDone) {
  expect_refusal(with_report({"--source-share", "0.5"}), unknown);
  expect_refusal(with_report({"--slices", "0:9"}), unknown);
  // The same voxels, but who knows?
  std::filesystem::last_write_time(stack, std::filesystem::file_time_type::clock::now());
  expect_refusal(with_report(), unknown);
}

TEST_F(DoneTest, OutputsThatWereChangedAreNotDone) {
  std::ofstream(out + "/p.tif", std::ios::app) << "more";
  expect_refusal(with_report(), unknown);
}

TEST_F(DoneTest, WithoutItsReportItIsNotDone) {
  std::filesystem::remove(out + "/r.json");
  expect_refusal(with_report(), "m.tif: exists already");
}

TEST_F(DoneTest, ToOverwriteIsToMakeItAgain) {
  const auto run = run_fibflow(with_report({"--overwrite"}));
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.err.find("done already"), std::string::npos) << run.err;
  EXPECT_TRUE(bytes_of(out + "/m.tif") == before);
}

TEST_F(DoneTest, WhatARunThatCannotBeResumedMadeIsNotKnown) {
  ASSERT_EQ(run_fibflow(segment(out, {"--overwrite"})).code, 0);
  expect_refusal(with_report(), unknown);
}

/// A disk of a given size, as long as it lives.
class SmallDisk {
 public:
  SmallDisk(const std::string& path, const std::string& size) : path_(path) {
    failure_ = ::mount("tmpfs", path.c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0 ? 0 : errno;
  }
  ~SmallDisk() {
    if (failure_ == 0) ::umount2(path_.c_str(), MNT_DETACH);
  }
  int failure() const { return failure_; }
  void grow(const std::string& size) const {
    if (::mount("tmpfs", path_.c_str(), "tmpfs", MS_REMOUNT, ("size=" + size).c_str()) != 0)
      throw std::runtime_error(std::strerror(errno));
  }

 private:
  std::string path_;
  int failure_ = 0;
};

TEST_F(ResumeCommandTest, AFullDiskStopsItWithPathAndReasonAndItGoesOnWhenThereIsRoom) {
  ASSERT_EQ(run_fibflow(segment(whole)).code, 0);
  const SmallDisk disk(out, "100k");
  if (disk.failure() != 0) GTEST_SKIP() << "cannot mount a small disk: " << std::strerror(disk.failure());
  // 10 slices take 10 kB as masks and 40 kB as probabilities, each.
  int stops = 0;
  for (const std::string size : {"100k", "200k", "300k", "400k", "100m"}) {
    disk.grow(size);
    const auto run = run_fibflow(resumable());
    if (run.code == 0) break;
    ++stops;
    EXPECT_EQ(run.code, 74) << run.err;
    EXPECT_NE(run.err.find("No space left on device"), std::string::npos) << run.err;
    EXPECT_NE(run.err.find(out), std::string::npos) << run.err;
    for (const std::string& name : files(out)) EXPECT_TRUE(name.starts_with(".")) << name;
  }
  EXPECT_GE(stops, 3);
  check_completed();
  EXPECT_EQ(files(out), (Names{"m.tif", "p.tif"}));
}

}  // namespace
}  // namespace fibflow
