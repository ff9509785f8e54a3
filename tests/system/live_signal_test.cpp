// How `fibflow watch` ends: by signals, by force, by damage; and how it goes on.
#include <signal.h>

#include <algorithm>
#include <random>
#include <thread>

#include "io/formats/formats.h"
#include "pipeline/options/exit_codes.h"
#include "tests/fixtures/fault_count.h"
#include "tests/fixtures/service_manager.h"
#include "tests/system/live_test.h"

namespace fibflow::testing {
namespace {

class LiveEndTest : public LiveTest {
 protected:
  /// Hidden and temporary files in the output and its folders.
  std::vector<std::string> remains() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(output.folder())) {
      const std::string name = entry.path().filename();
      if (name.find(".partial") != std::string::npos) names.push_back(entry.path());
    }
    return names;
  }
};

class LiveSignalTest : public LiveEndTest, public ::testing::WithParamInterface<int> {};

TEST_P(LiveSignalTest, EndsItCleanlyAndARestartGoesOn) {
  put(0, 30);
  start();
  ASSERT_TRUE(masks_come(0, 5));
  daemon->signal(GetParam());
  const auto end = daemon->wait();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->code, 0) << daemon->said();
  EXPECT_TRUE(remains().empty()) << remains().front();
  put(30, 40);
  start();
  ASSERT_TRUE(masks_come(0, 40));
  EXPECT_EQ(stop(), 0) << daemon->said();
  expect_masks_of_batch(0, 40);
}

INSTANTIATE_TEST_SUITE_P(Signals, LiveSignalTest, ::testing::Values(SIGINT, SIGTERM));

TEST_F(LiveEndTest, TellsTheServiceManagerWhatItDoes) {
  const ServiceManager manager(abstract_name());
  put(0, 5);
  start();
  std::vector<std::string> heard;
  const auto hears = [&](const std::string& text) {
    return await([&] {
      for (std::string message = manager.heard(); !message.empty(); message = manager.heard()) {
        heard.push_back(message);
      }
      return std::find(heard.begin(), heard.end(), text) != heard.end();
    });
  };
  EXPECT_TRUE(hears("STATUS=waiting: slice 1005 is not there yet; 5 done, 0 pending"));
  EXPECT_EQ(heard.front(), "READY=1\nSTATUS=following " + in(""));
  EXPECT_EQ(stop(), 0) << daemon->said();
  EXPECT_TRUE(hears("STOPPING=1\nSTATUS=done"));
}

TEST_F(LiveEndTest, KilledAtRandomMomentsItEndsWithTheMasksOfABatchRun) {
  const int seed = number_from("FIBFLOW_SEED", 1);
  SCOPED_TRACE("FIBFLOW_SEED=" + std::to_string(seed));
  std::mt19937 random(static_cast<unsigned>(seed));
  const int kills = number_from("FIBFLOW_KILLS", 5);
  record_faults(kills);
  const std::int64_t per_kill = 8;
  for (int kill = 0; kill < kills; ++kill) {
    put(kill * per_kill, (kill + 1) * per_kill);
    start();
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 400));
    daemon->kill();
  }
  start();
  ASSERT_TRUE(masks_come(0, kills * per_kill));
  EXPECT_EQ(stop(), 0) << daemon->said();
  EXPECT_TRUE(remains().empty()) << remains().front();
  expect_masks_of_batch(0, kills * per_kill);
}

TEST_F(LiveEndTest, KilledAtAnyChangeOfTheFileSystemItGoesOn) {
#ifdef FIBFLOW_SANITIZED
  GTEST_SKIP() << "a sanitizer has to be loaded first";
#endif
  // Each life ends a bit later than the one before, so that the deaths fall into every kind of step.
  const int lives = number_from("FIBFLOW_KILLS", 8);
  record_faults(lives);
  const std::int64_t slices = 12;
  put(0, slices);
  for (int life = 0; life < lives; ++life) {
    StartOptions options;
    options.environment = {{"LD_PRELOAD", FIBFLOW_KILLER}, {"FIBFLOW_KILL_AT", std::to_string(3 + 5 * life)}};
    start({}, options);
    await([&] { return !daemon->is_running() || has_mask(slices - 1); });
    daemon->kill();
  }
  start();
  ASSERT_TRUE(masks_come(0, slices));
  EXPECT_EQ(stop(), 0) << daemon->said();
  EXPECT_TRUE(remains().empty()) << remains().front();
  expect_masks_of_batch(0, slices);
}

TEST_F(LiveEndTest, KilledWhileItEndsItEndsTheNextTime) {
#ifdef FIBFLOW_SANITIZED
  GTEST_SKIP() << "a sanitizer has to be loaded first";
#endif
  put(0, 6);
  start();
  ASSERT_TRUE(masks_come(0, 6));
  daemon->signal(SIGTERM);
  ASSERT_TRUE(daemon->wait());
  // Whatever is left to do now is the end's.
  std::ofstream(output.stop_file()) << "";
  StartOptions counting;
  counting.environment = {{"LD_PRELOAD", FIBFLOW_KILLER}, {"FIBFLOW_COUNT_TO", folder / "count"}};
  std::filesystem::copy(output.folder(), folder / "copy", std::filesystem::copy_options::recursive);
  start({}, counting);
  ASSERT_TRUE(daemon->wait());
  const long changes = std::atol(bytes_of(folder / "count").c_str());
  ASSERT_GT(changes, 10);
  std::filesystem::remove_all(output.folder());
  std::filesystem::rename(folder / "copy", output.folder());

  const long stride = std::max(1L, changes / number_from("FIBFLOW_KILLS", 6));
  record_faults((changes + stride - 1) / stride);
  for (long at = changes; at > 0; at -= stride) {
    StartOptions killing;
    killing.environment = {{"LD_PRELOAD", FIBFLOW_KILLER}, {"FIBFLOW_KILL_AT", std::to_string(at)}};
    start({}, killing);
    ASSERT_TRUE(daemon->wait());
    // That it goes is the last change of all.
    EXPECT_TRUE(std::filesystem::exists(output.stop_file()) || at == changes) << at << " of " << changes;
    std::ofstream(output.stop_file()) << "";
  }
  start();
  const auto end = daemon->wait();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->code, 0) << daemon->said();
  EXPECT_EQ(io::open_stack(output.stack())->info().depth, 6);
  EXPECT_TRUE(remains().empty()) << remains().front();
  expect_masks_of_batch(0, 6);
}

TEST_F(LiveEndTest, TwoSignalsAtOnceHurtNothingEither) {
  put(0, 20);
  start();
  ASSERT_TRUE(masks_come(0, 3));
  daemon->signal(SIGTERM);
  daemon->signal(SIGTERM);
  const auto end = daemon->wait();
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->code == 0 || end->killed_by == SIGTERM) << daemon->said();
  start();
  ASSERT_TRUE(masks_come(0, 20));
  EXPECT_EQ(stop(), 0) << daemon->said();
  expect_masks_of_batch(0, 20);
}

TEST_F(LiveEndTest, AHangupMakesItLookAtTheWholeFolderAndUsr1WriteTheStack) {
  put(0, 4);
  start();
  ASSERT_TRUE(masks_come(0, 4));
  daemon->signal(SIGHUP);
  daemon->signal(SIGUSR1);
  ASSERT_TRUE(await([&] { return std::filesystem::exists(output.stack()); })) << daemon->said();
  EXPECT_EQ(io::open_stack(output.stack())->info().depth, 4);
  put(4, 8);
  ASSERT_TRUE(masks_come(4, 8));
  EXPECT_EQ(stop(), 0) << daemon->said();
  EXPECT_EQ(io::open_stack(output.stack())->info().depth, 8);
}

TEST_F(LiveEndTest, OtherParametersAndOtherModelsAreRefusedAfterARestart) {
  put(0, 6);
  start();
  ASSERT_TRUE(await([&] { return status().value("newest_slice", nlohmann::json()) == 1005; }))
      << daemon->said();
  daemon->kill();
  start({"--source-share", "0.5"});
  auto end = daemon->wait();
  ASSERT_TRUE(end) << daemon->said();
  EXPECT_EQ(end->code, pipeline::exit_data) << daemon->said();
  EXPECT_TRUE(says("source share"));
  const std::string other = std::string(FIBFLOW_TEST_FIXTURES) + "/onnx/models/plain_opset11.onnx";
  start({"--model", other});
  end = daemon->wait();
  ASSERT_TRUE(end) << daemon->said();
  EXPECT_EQ(end->code, pipeline::exit_data) << daemon->said();
}

/// A daemon that was killed after it had saved its state at least twice.
class LiveStateTest : public LiveEndTest {
 protected:
  void SetUp() override {
    for (std::int64_t z = 0; z < 8; z += 4) {
      put(z, z + 4);
      if (z == 0) start();
      ASSERT_TRUE(await([&] { return status().value("newest_slice", nlohmann::json()) == 1003 + z; }))
          << daemon->said();
    }
    daemon->kill();
    put(8, 12);
    ASSERT_TRUE(std::filesystem::exists(state("checkpoint.previous")));
  }
  std::string state(const std::string& file) const { return output.folder() + "/.state/" + file; }
  static void damage(const std::string& path) {
    std::string bytes = bytes_of(path);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    std::ofstream(path, std::ios::binary) << bytes;
  }
  void expect_that_it_goes_on() {
    start();
    ASSERT_TRUE(masks_come(0, 12));
    EXPECT_EQ(stop(), 0) << daemon->said();
    expect_masks_of_batch(0, 12);
  }
};

TEST_F(LiveStateTest, ADamagedCheckpointIsSaidAndTheOlderOneUsed) {
  damage(state("checkpoint"));
  expect_that_it_goes_on();
  EXPECT_TRUE(says(state("checkpoint"), 0));
}

TEST_F(LiveStateTest, ACheckpointThatIsGoneIsReplacedByTheOlderOne) {
  std::filesystem::remove(state("checkpoint"));
  expect_that_it_goes_on();
}

TEST_F(LiveStateTest, WithNoSoundCheckpointItIsRefusedAndNoMaskIsTouched) {
  for (const char* file : {"checkpoint", "checkpoint.previous"}) damage(state(file));
  start();
  const auto end = daemon->wait();
  ASSERT_TRUE(end) << daemon->said();
  EXPECT_EQ(end->code, pipeline::exit_data) << daemon->said();
  EXPECT_TRUE(says(state("checkpoint"), 0));
  EXPECT_TRUE(has_mask(7));
}

TEST_F(LiveStateTest, ALineThatWasCutOffInTheJournalIsNothing) {
  std::ofstream(state("journal"), std::ios::app) << R"({"kind":"taken","num)";
  expect_that_it_goes_on();
}

TEST_F(LiveStateTest, AJournalThatIsShorterThanItsCheckpointKnowsIsRefused) {
  std::filesystem::resize_file(state("journal"), 30);
  start();
  const auto end = daemon->wait();
  ASSERT_TRUE(end) << daemon->said();
  EXPECT_EQ(end->code, pipeline::exit_data) << daemon->said();
  EXPECT_TRUE(says(state("journal"), 0));
}

}  // namespace
}  // namespace fibflow::testing
