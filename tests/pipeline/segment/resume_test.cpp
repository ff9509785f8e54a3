// A segmentation that ends early, however it ends, goes on to the same bytes. All runs are in processes of their own, which
// may be killed.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "io/error.h"
#include "io/formats/formats.h"
#include "pipeline/flow/interruption.h"
#include "pipeline/options/exit_codes.h"
#include "pipeline/report/run_report.h"
#include "pipeline/segment/checkpoint.h"
#include "pipeline/segment/run.h"
#include "tests/fixtures/child_process.h"
#include "tests/fixtures/kept_marks.h"
#include "tests/fixtures/kills.h"
#include "tests/fixtures/small_network.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow::pipeline {
namespace {

using testing::bytes_of;
using testing::Ending;
using Names = std::vector<std::string>;
constexpr int depth = 8;
constexpr int interrupted = 130;

/// What a run is, and when it ends early.
struct Given {
  AdaptationOptions adaptation;
  InputOptions input;
  double checkpoint_seconds = 0;
  bool resume = true;
  int die_at_step = 0;  ///< of those that the disk is to remember, from 1
  int stop_after = 0;   ///< slices
  int unreadable_slice = -1;
  std::int64_t used_depth = depth;
};

class ResumeTest : public ::testing::Test {
 protected:
  /// A stack that fails at a slice, and is taken from a file, so that the file counts.
  class FailingStack : public io::Stack {
   public:
    FailingStack(std::unique_ptr<io::Stack> stack, int unreadable)
        : stack_(std::move(stack)), unreadable_(unreadable) {}
    const io::StackInfo& info() const override { return stack_->info(); }
    std::vector<std::string> files() const override { return stack_->files(); }
    io::Slice read(std::int64_t z) override {
      if (z == unreadable_) throw io::Error(io::ErrorKind::read_write, "stack.tif", "the disk is gone");
      return stack_->read(z);
    }

   private:
    std::unique_ptr<io::Stack> stack_;
    int unreadable_;
  };

  ResumeTest() {
    auto slices = testing::textured_stack(depth, 40, 56);
    testing::write_tiff(slices, stack_file);
  }

  /// The run as a program would do it: the outputs, then the model and the report, then the checkpoint away.
  int run_here(const Given& given, const std::string& to) const {
    try {
      FailingStack stack(io::open_stack(stack_file), given.unreadable_slice);
      const model::Network network = testing::small_network();
      OutputOptions output;
      output.mask = to + "/masks.tif";
      output.probability = to + "/probabilities.tif";
      output.probability_type = io::PixelType::u16;
      output.resume = given.resume;
      output.checkpoint_seconds = given.checkpoint_seconds;
      InputOptions input = given.input;
      input.slices = SliceRange{0, given.used_depth};
      if (given.resume && is_done(stack, network, input, given.adaptation, output, {2, 0, 32}))
        return exit_ok;
      std::stop_source stop;
      RunHooks hooks;
      int steps = 0;
      int done = 0;
      hooks.stop = stop.get_token();
      std::string last_step;
      hooks.durable_step = [&](const char* step) {
        last_step = step;
        if (++steps == given.die_at_step) testing::die();
      };
      bool segments = false;
      hooks.begin = [&](const std::string& phase, std::int64_t) { segments = phase == "segment"; };
      hooks.advance = [&] {
        if (segments && given.resume && last_step != "checkpoint named")
          throw std::logic_error("a slice was reported done before it was safe");
        if (segments && ++done == given.stop_after) stop.request_stop();
      };
      const Outcome outcome = segment(stack, network, input, given.adaptation, output, {2, 0, 32}, hooks);
      std::ofstream(to + "/adapted.onnx", std::ios::binary) << adapted_model(network, outcome);
      std::ofstream(to + "/report.json") << json_text(*outcome.report);
      remove_checkpoint(outcome, hooks);
      std::ofstream(steps_file) << steps;
    } catch (const Interrupted&) {
      return interrupted;
    } catch (const std::exception& error) {
      std::ofstream(error_file) << error.what();
      return exit_code_of(error);
    }
    return exit_ok;
  }

  Ending run(const Given& given) const {
    std::filesystem::create_directories(out);
    return testing::in_child([&] { return run_here(given, out); });
  }

  /// What the run is to come to: without interruption, and without being resumable.
  void expect(Given given) {
    given.resume = false;
    std::filesystem::create_directories(whole);
    ASSERT_EQ(testing::in_child([&] { return run_here(given, whole); }).code, exit_ok) << error();
  }

  void check_completed() const {
    for (const std::string name : {"masks.tif", "probabilities.tif", "adapted.onnx"}) {
      EXPECT_TRUE(bytes_of(out + "/" + name) == bytes_of(whole + "/" + name)) << name;
    }
    EXPECT_EQ(files(out), (Names{"adapted.onnx", "masks.tif", "probabilities.tif", "report.json"}));
    EXPECT_EQ(records(out), records(whole));
    for (const char* part :
         {"intensity", "plan", "adaptation", "events", "comparison", "doubt", "previews"}) {
      EXPECT_EQ(report(out).at(part), report(whole).at(part)) << part;
    }
  }

  /// The report's slices, without the times.
  static nlohmann::json records(const std::string& folder) {
    nlohmann::json slices = report(folder).at("slices");
    for (nlohmann::json& slice : slices) {
      slice.erase("seconds");
      slice.erase("work_seconds");
      slice.erase("measure_seconds");
    }
    return slices;
  }
  static nlohmann::json report(const std::string& folder) {
    return nlohmann::json::parse(bytes_of(folder + "/report.json"));
  }

  int steps() const { return std::stoi(bytes_of(steps_file)); }
  std::string error() const { return bytes_of(error_file); }
  static Names files(const std::string& folder) {
    Names names = testing::files_in(folder);
    std::sort(names.begin(), names.end());
    return names;
  }
  void clear() const { std::filesystem::remove_all(out); }

  const testing::TemporaryFolder folder;
  const std::string stack_file = folder / "stack.tif";
  const std::string whole = folder / "whole";
  const std::string out = folder / "out";
  const std::string error_file = folder / "error.txt";
  const std::string steps_file = folder / "steps.txt";
  const std::string checkpoint_file = out + "/.masks.tif.checkpoint";
  const Names left{".masks.tif.checkpoint", ".masks.tif.checkpoint.previous", ".masks.tif.journal",
                   ".masks.tif.partial", ".probabilities.tif.partial"};
};

Given ema() {
  Given given;
  given.adaptation.estimator.rule = "ema";
  given.adaptation.lag = 2;
  given.adaptation.measure_every = 1;
  given.adaptation.renewal = 0;
  given.input.normalization = nodes::Normalization::parse("stack");
  return given;
}

/// Between slices that are measured, it goes on as after them.
Given measured_now_and_then() {
  Given given;
  given.adaptation.measure_every = 3;
  given.adaptation.renewal = 0;
  return given;
}

Given two_pass() {
  Given given;
  given.adaptation.recipe = Recipe::two_pass;
  return given;
}

TEST_F(ResumeTest, KilledAfterAnyStepItGoesOnToTheSameBytes) {
  Given given = ema();
  expect(given);
  ASSERT_EQ(run(given).code, exit_ok) << error();
  check_completed();
  const int all = steps();
  ASSERT_GT(all, 5 * depth);
  for (int step = 1; step <= all; ++step) {
    clear();
    given.die_at_step = step;
    ASSERT_EQ(run(given).killed_by, SIGKILL) << step;
    given.die_at_step = 0;
    if (step == all && !testing::keeps_marks(folder)) continue;  // nothing tells that it was done
    ASSERT_EQ(run(given).code, exit_ok) << "killed at step " << step << ": " << error();
    check_completed();
    if (HasFailure()) FAIL() << "killed at step " << step;
  }
}

TEST_F(ResumeTest, KilledAgainAndAgainItGoesOnToTheSameBytes) {
  std::mt19937 random(11);
  const int stories = std::max(1, testing::kills_wanted(6) / 6);
  for (Given given : {ema(), measured_now_and_then(), two_pass()}) {
    clear();
    std::filesystem::remove_all(whole);
    expect(given);
    for (int story = 0; story < stories; ++story) {
      clear();
      Ending ending{-1, SIGKILL};
      while (ending.killed_by == SIGKILL) {
        given.die_at_step = std::uniform_int_distribution<int>(1, 16)(random);
        ending = run(given);
      }
      // Killed after its very last step, it had come to its end; unless it left a mark, its outputs are in the way.
      const bool unknown = ending.code == exit_cannot_create && !testing::keeps_marks(folder);
      ASSERT_TRUE(ending.code == exit_ok || unknown) << error();
      check_completed();
    }
  }
}

TEST_F(ResumeTest, StoppedItKeepsWhatItHasAndItsReportCoversAllParts) {
  Given given = ema();
  expect(given);
  given.checkpoint_seconds = 0;
  given.stop_after = 2;
  EXPECT_EQ(run(given).code, interrupted);
  EXPECT_EQ(files(out), left);
  given.stop_after = 1;
  EXPECT_EQ(run(given).code, interrupted);
  given.stop_after = 0;
  ASSERT_EQ(run(given).code, exit_ok) << error();
  check_completed();
  const nlohmann::json resumed = report(out).at("resumed");
  ASSERT_EQ(resumed.size(), 2U);
  EXPECT_GE(resumed[0].at("slice"), 2);
  EXPECT_GT(resumed[1].at("slice"), resumed[0].at("slice"));
  EXPECT_EQ(report(out).at("slices").size(), static_cast<std::size_t>(depth));
  EXPECT_EQ(report(out).at("intensity"), report(whole).at("intensity"));
  EXPECT_EQ(report(out).at("adaptation"), report(whole).at("adaptation"));
  EXPECT_TRUE(report(whole).at("resumed").empty());
}

TEST_F(ResumeTest, AFailureLeavesWhatWasDoneThoughNoCheckpointWasDue) {
  Given given = ema();
  given.adaptation.probe = 0;
  given.input.normalization.reset();
  expect(given);
  given.checkpoint_seconds = 1e6;
  given.unreadable_slice = 7;
  EXPECT_EQ(run(given).code, exit_read_write);
  EXPECT_EQ(error(), "slice 7 (reader): stack.tif: the disk is gone");
  EXPECT_EQ(files(out), left);
  given.unreadable_slice = -1;
  ASSERT_EQ(run(given).code, exit_ok) << error();
  check_completed();
  EXPECT_GT(report(out).at("resumed").at(0).at("slice"), 0);
}

TEST_F(ResumeTest, WithoutResumeNothingIsLeft) {
  Given given = ema();
  given.resume = false;
  given.unreadable_slice = 7;
  given.adaptation.probe = 0;
  given.input.normalization.reset();
  EXPECT_EQ(run(given).code, exit_read_write);
  EXPECT_EQ(files(out), Names{});
}

TEST_F(ResumeTest, AFailureBeforeAnythingWasDoneLeavesNothing) {
  Given given = ema();
  given.input.normalization.reset();
  given.unreadable_slice = 1;  // of the probe
  EXPECT_EQ(run(given).code, exit_read_write);
  EXPECT_EQ(files(out), Names{});
}

TEST_F(ResumeTest, ADamagedCheckpointGivesWayToTheOneBeforeIt) {
  Given given = ema();
  expect(given);
  given.stop_after = 4;
  ASSERT_EQ(run(given).code, interrupted);
  std::string bytes = bytes_of(checkpoint_file);
  bytes[bytes.size() / 2] ^= 1;
  std::ofstream(checkpoint_file, std::ios::binary) << bytes;
  given.stop_after = 0;
  ASSERT_EQ(run(given).code, exit_ok) << error();
  check_completed();
}

TEST_F(ResumeTest, WhatIsLostOfAnOutputIsToldAndNothingIsTouched) {
  Given given = ema();
  given.stop_after = 3;
  ASSERT_EQ(run(given).code, interrupted);
  const std::string partial = out + "/.probabilities.tif.partial";
  std::filesystem::resize_file(partial, std::filesystem::file_size(partial) - 1);
  const std::string before = bytes_of(checkpoint_file);
  EXPECT_EQ(run(given).code, exit_data);
  EXPECT_NE(error().find("is cut short"), std::string::npos) << error();
  EXPECT_EQ(files(out), left);
  EXPECT_TRUE(bytes_of(checkpoint_file) == before);
}

TEST_F(ResumeTest, AnotherRunIsRefusedWithWhatDiffers) {
  Given given = ema();
  given.stop_after = 3;
  ASSERT_EQ(run(given).code, interrupted);
  const std::string before = bytes_of(checkpoint_file);
  const auto refusal = [&](const Given& other) {
    EXPECT_EQ(run(other).code, exit_data);
    EXPECT_EQ(files(out), left);
    EXPECT_TRUE(bytes_of(checkpoint_file) == before);
    return error();
  };
  Given other = given;
  other.adaptation.source_share = 0.5;
  EXPECT_EQ(refusal(other), checkpoint_file +
                                ": is of a run with another option source_share: 0.25, not 0.5 "
                                "(remove it and what is named like it to begin anew)");
  other = given;
  other.adaptation.estimator.values.set("momentum", 0.2);
  EXPECT_NE(refusal(other).find("another option estimator momentum: 0.1, not 0.2"), std::string::npos)
      << error();
  other = given;
  other.used_depth = 5;
  EXPECT_NE(refusal(other).find("another input end_slice: 8, not 5"), std::string::npos) << error();
  other = given;
  other.input.normalization = nodes::Normalization::parse("unit");
  EXPECT_NE(refusal(other).find("another option normalization rule: \"stack\", not \"unit\""),
            std::string::npos)
      << error();
  // The same voxels, but who knows?
  std::filesystem::last_write_time(stack_file, std::filesystem::file_time_type::clock::now());
  EXPECT_NE(refusal(given).find("another file " + stack_file + " modified"), std::string::npos) << error();
}

TEST(CheckpointTest, AFileOfAnotherKindIsRefused) {
  const testing::TemporaryFolder folder;
  const model::Network network = testing::small_network();
  const auto read = [&](const char* name) {
    std::string refusal;
    return Checkpoint::read(folder / name, {}, network, 4, refusal);
  };
  EXPECT_FALSE(read("none"));
  io::write_checked(folder / "other", "segmentation checkpoint 999", "what only the future knows");
  EXPECT_THROW(read("other"), io::Error);
  io::write_checked(folder / "older", "segmentation checkpoint 2", "what a version before kept");
  EXPECT_THROW(read("older"), io::Error);
  io::write_checked(folder / "empty", Checkpoint::kind, "");
  try {
    read("empty");
    ADD_FAILURE() << "read nothing";
  } catch (const io::Error& error) {
    EXPECT_EQ(error.kind(), io::ErrorKind::bad_data);
  }
}

TEST(CheckpointTest, IsHiddenBesideTheMasks) {
  EXPECT_EQ(checkpoint_path("masks.tif"), ".masks.tif.checkpoint");
  EXPECT_EQ(checkpoint_path("a/b/masks.tif"), "a/b/.masks.tif.checkpoint");
}

}  // namespace
}  // namespace fibflow::pipeline
