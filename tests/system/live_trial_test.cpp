// The short form of what acquisition_trial does at length: a whole acquisition, followed while the program is killed.
#include "tests/system/live_trial.h"
#include "tests/fixtures/fault_count.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/fixtures/temporary_folder.h"

namespace fibflow::testing {
namespace {

TEST(LiveTrialTest, ALostDoubledEarlyOrDifferentSliceIsNowhereInAnAcquisitionWithKills) {
  const TemporaryFolder folder;
  TrialOptions trial;
  trial.source = "phantom:chemical";
  trial.model = std::string(FIBFLOW_TEST_FIXTURES) + "/onnx/models/small.onnx";
  trial.folder = folder / "";
  trial.perturbation.slices = 40;
  trial.perturbation.height = 64;
  trial.perturbation.width = 64;
  const char* seed = std::getenv("FIBFLOW_SEED");
  trial.seed = seed == nullptr ? 1 : static_cast<unsigned>(std::atoi(seed));
  trial.perturbation.seed = trial.script.seed = trial.seed;
  trial.kills = 3;
  record_faults(trial.kills);
  trial.settle = 0.3;
  trial.missing_wait = 3;
  trial.script.interval = 0.04;
  // A good file with other voxels is told from the right one by nothing but how long it stays.
  trial.script.styles = writer_styles();
  std::erase(trial.script.styles, WriterStyle::corrected_first);
  trial.script.shuffle_window = 5;
  trial.script.burst_every = 12;
  trial.script.burst = 10;
  trial.script.missing_every = 25;
  trial.script.foreign_every = 6;
  const TrialResult result = run_trial(trial, [](const std::string&) {});
  EXPECT_TRUE(result.is_clean()) << "FIBFLOW_SEED=" << trial.seed << "\n" << table_of(result);
  EXPECT_EQ(result.kills, 3);
  EXPECT_EQ(result.slices, 39);
  EXPECT_EQ(result.missing, 1);
}

}  // namespace
}  // namespace fibflow::testing
