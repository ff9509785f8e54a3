// `fibflow watch` as a program, and what disks, folders, clocks and writers do to it.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <ctime>
#include <thread>

#include "pipeline/options/exit_codes.h"
#include "tests/fixtures/fault_count.h"
#include "tests/system/live_test.h"
#include "tests/system/small_disk.h"

namespace fibflow::testing {
namespace {

class LiveFaultTest : public LiveTest {
 protected:
  /// Whether any user can come to this file.
  static bool is_for_everybody(const std::filesystem::path& file) {
    for (auto path = file.parent_path(); path.has_relative_path(); path = path.parent_path()) {
      using std::filesystem::perms;
      if ((std::filesystem::status(path).permissions() & perms::others_exec) == perms::none) return false;
    }
    return true;
  }
  static void set_time(const std::string& path, std::time_t seconds) {
    const timespec times[2] = {{seconds, 0}, {seconds, 0}};
    ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }
};

TEST_F(LiveFaultTest, AFullDiskPausesItAndRoomLetsItGoOn) {
  const SmallDisk disk(48 << 10);
  if (!disk.is_there()) GTEST_SKIP() << "mounting a small disk is not allowed here";
  output = LiveOutput(disk / "out");
  put(0, 40);
  start({"--compression", "none"});
  ASSERT_TRUE(says("o space left"));
  ASSERT_TRUE(await([&] { return daemon->said().find("paused") != std::string::npos; })) << daemon->said();
  disk.resize(64 << 20);
  ASSERT_TRUE(masks_come(0, 40));
  EXPECT_EQ(stop(), 0) << daemon->said();
  expect_masks_of_batch(0, 40);
}

TEST_F(LiveFaultTest, AFullDiskIsSeenInTheStatusWhereThatHasADiskOfItsOwn) {
  const SmallDisk disk(64 << 10);
  if (!disk.is_there()) GTEST_SKIP() << "mounting a small disk is not allowed here";
  std::filesystem::create_directory(output.folder());
  std::filesystem::create_directory_symlink(disk / "", output.mask_folder());
  put(0, 40);
  start({"--compression", "none"});
  ASSERT_TRUE(state_comes("paused"));
  EXPECT_NE(status().value("reason", ""), "");
  disk.resize(64 << 20);
  ASSERT_TRUE(masks_come(0, 40));
}

TEST_F(LiveFaultTest, WhatAFailedSyncLosesIsWrittenAnew) {
  // With the error of a full disk it goes on by itself, with another one it ends and is started again.
  put(0, 12);
  StartOptions counting;
  counting.environment = {{"LD_PRELOAD", FIBFLOW_LOSSY_DISK}, {"FIBFLOW_COUNT_TO", folder / "count"}};
  start({}, counting);
  ASSERT_TRUE(masks_come(0, 12));
  ASSERT_EQ(stop(), 0) << daemon->said();
  long syncs = 0;
  std::ifstream(folder / "count") >> syncs;
  ASSERT_GT(syncs, 12);
  const int tries = std::min(number_from("FIBFLOW_FAILING_SYNCS", 6), static_cast<int>(syncs));
  record_faults(2 * tries);
  for (int n = 0; n < tries; ++n) {
    const long at = 1 + n * (syncs - 1) / tries;
    for (const int error : {ENOSPC, EIO}) {
      std::filesystem::remove_all(output.folder());
      StartOptions losing;
      losing.environment = {{"LD_PRELOAD", FIBFLOW_LOSSY_DISK},
                            {"FIBFLOW_LOSE_AT", std::to_string(at)},
                            {"FIBFLOW_LOSE_ERROR", std::to_string(error)}};
      start({}, losing);
      await([&] { return !daemon->is_running() || has_mask(11); });
      daemon->signal(SIGTERM);
      ASSERT_TRUE(daemon->wait()) << daemon->said();
      start();
      ASSERT_TRUE(masks_come(0, 12)) << "sync " << at;
      ASSERT_EQ(stop(), 0) << "sync " << at << "\n" << daemon->said();
      expect_masks_of_batch(0, 12);
    }
  }
}

TEST_F(LiveFaultTest, WhatCannotBeReadIsReportedAndTheOthersGoOn) {
  put(0, 3);
  std::filesystem::create_directory(in(name_of_slice(3)));
  put(4, 6);
  std::filesystem::create_symlink("nowhere", in(name_of_slice(6)));
  put(7, slice_bytes(7).substr(0, 300));
  put(8, 12);
  start({"--wait-missing", "1s"});
  ASSERT_TRUE(masks_come(8, 12));
  for (const int z : {3, 6, 7}) EXPECT_TRUE(says(std::to_string(1000 + z)));
  EXPECT_EQ(stop(), 0) << daemon->said();
  expect_masks_of_batch(0, 12, {3, 6, 7});
}

TEST_F(LiveFaultTest, AFileThatMayNotBeReadIsTakenWhenItMay) {
  put(0, 6);
  ASSERT_EQ(chmod(in(name_of_slice(4)).c_str(), 0), 0);
  StartOptions options;
  if (geteuid() == 0) {  // root may read everything
    for (const std::string& path : {std::string(FIBFLOW_PROGRAM), model()}) {
      if (!is_for_everybody(path)) GTEST_SKIP() << path << " is in a folder that is closed to other users";
    }
    options.user = 65534;
    std::filesystem::create_directory(output.folder());
    for (const std::string& path : {folder / "", in(""), output.folder()})
      ASSERT_EQ(chmod(path.c_str(), 0777), 0);
  }
  start({}, options);
  ASSERT_TRUE(masks_come(0, 4));
  ASSERT_TRUE(await([&] { return status().value("reason", "").find(name_of_slice(4)) != std::string::npos; }))
      << status().dump();
  EXPECT_FALSE(has_mask(4));
  ASSERT_EQ(chmod(in(name_of_slice(4)).c_str(), 0644), 0);
  ASSERT_TRUE(masks_come(4, 6));
}

TEST_F(LiveFaultTest, AFileThatIsCutWhileItIsReadIsReadAgain) {
  std::atomic<bool> cut = true;
  const std::string whole = slice_bytes(3);
  std::thread writer([&] {
    for (std::size_t i = 0; cut; ++i) {
      if (truncate(in(name_of_slice(3)).c_str(), static_cast<off_t>(37 * i % whole.size())) != 0) continue;
      std::ofstream(in(name_of_slice(3)), std::ios::binary) << whole;
    }
  });
  put(0, 6);
  start({"--settle", "0ms", "--poll", "20ms"});
  EXPECT_TRUE(masks_come(0, 3));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));  // of being hurt; nothing is awaited
  cut = false;
  writer.join();
  put(3);
  EXPECT_TRUE(masks_come(3, 6));
  expect_masks_of_batch(0, 6);
}

TEST_F(LiveFaultTest, AFolderThatGoesAndComesBackIsFollowedAgain) {
  put(0, 3);
  start();
  ASSERT_TRUE(masks_come(0, 3));
  std::filesystem::rename(in(""), folder / "elsewhere");
  ASSERT_TRUE(says(folder / "in"));
  ASSERT_TRUE(await([&] { return status().value("reason", "").find("cannot be read") != std::string::npos; }))
      << status().dump();
  std::filesystem::create_directory(in(""));
  put(3, 6);
  ASSERT_TRUE(masks_come(3, 6));
  EXPECT_EQ(stop(), 0) << daemon->said();
  expect_masks_of_batch(0, 6);
}

TEST_F(LiveFaultTest, ItStartsBeforeItsFolderIsThere) {
  std::filesystem::remove(in(""));
  start();
  ASSERT_TRUE(await([&] { return status().contains("state"); })) << daemon->said();
  std::filesystem::create_directory(in(""));
  put(0, 3);
  ASSERT_TRUE(masks_come(0, 3));
}

TEST_F(LiveFaultTest, TimesOfChangeInThePastAndInTheFutureDoNotMatter) {
  put(0, 4);
  set_time(in(name_of_slice(0)), 0);
  set_time(in(name_of_slice(1)), std::time(nullptr) + 86400 * 365);
  set_time(in(name_of_slice(2)), std::time(nullptr) - 86400);
  start();
  ASSERT_TRUE(masks_come(0, 4));
}

TEST_F(LiveFaultTest, AClockThatIsSetBackDoesNotMatter) {
#ifdef FIBFLOW_SANITIZED
  GTEST_SKIP() << "a sanitizer has to be loaded first";
#endif
  std::ofstream(folder / "clock") << 0;
  StartOptions options;
  options.environment = {{"LD_PRELOAD", FIBFLOW_WRONG_CLOCK}, {"FIBFLOW_CLOCK_ERROR", folder / "clock"}};
  put(0, 3);
  start({}, options);
  ASSERT_TRUE(masks_come(0, 3));
  std::int64_t z = 3;
  for (const char* error : {"-86400", "31536000", "-3"}) {
    std::ofstream(folder / "clock") << error;
    put(z);
    ASSERT_TRUE(masks_come(z, z + 1)) << "with the clock off by " << error << " s";
    ++z;
  }
  const auto latency = status().at("latency");
  EXPECT_LT(latency.at("longest"), 3600) << "durations are not measured by the time of day";
  EXPECT_EQ(stop(), 0) << daemon->said();
}

TEST_F(LiveFaultTest, ASecondDaemonOnTheSameOutputIsRefused) {
  put(0, 4);
  start();
  ASSERT_TRUE(masks_come(0, 4));
  RunningProgram second(arguments(), folder / "second.log");
  const auto end = second.wait();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->code, pipeline::exit_cannot_create) << second.said();
  EXPECT_NE(second.said().find(output.folder()), std::string::npos) << second.said();
  put(4, 6);
  EXPECT_TRUE(masks_come(4, 6)) << "the first one must not mind";
}

TEST_F(LiveFaultTest, ManyFilesAtOnceAreAllTakenInBoundedMemory) {
  const int files = number_from("FIBFLOW_FILES", 400);
  const auto tiny = [](std::int64_t z) {
    return tiff_bytes(textured_slice(z, 16, 16), TiffLayout::directory_first);
  };
  for (std::int64_t z = 0; z < files / 2; ++z) put(z, tiny(z));
  start();
  for (std::int64_t z = files / 2; z < files; ++z) put(z, tiny(z));
  std::size_t early = 0;
  ASSERT_TRUE(masks_come(0, 50));
  early = daemon->resident_memory();
  ASSERT_TRUE(masks_come(50, files, 1200));
  EXPECT_TRUE(is_bounded(early, daemon->resident_memory()));
  EXPECT_EQ(status().at("slices").at("failed"), 0);
  EXPECT_EQ(stop(), 0) << daemon->said();
}

TEST_F(LiveFaultTest, AFileThatIsReplacedAfterItWasTakenIsReportedAndItsMaskStays) {
  put(0, 4);
  start();
  ASSERT_TRUE(masks_come(0, 4));
  put(1, slice_bytes(77));
  ASSERT_TRUE(says(name_of_slice(1)));
  put(4, 6);
  ASSERT_TRUE(masks_come(4, 6));
  EXPECT_EQ(stop(), 0) << daemon->said();
  expect_masks_of_batch(0, 6);
}

TEST_F(LiveFaultTest, ASliceThatComesTooLateIsReported) {
  put(0, 3);
  put(4, 6);
  start({"--wait-missing", "300ms"});
  ASSERT_TRUE(masks_come(4, 6));
  put(3);
  ASSERT_TRUE(await([&] { return status().at("slices").value("late", 0) == 1; })) << status().dump();
  EXPECT_TRUE(says(name_of_slice(3)));
  EXPECT_EQ(stop(), 0) << daemon->said();
  EXPECT_FALSE(has_mask(3));
  expect_masks_of_batch(0, 6, {3});
}

TEST_F(LiveFaultTest, ASliceThatIsBlackAtItsBottomIsNotLost) {
  std::string bytes = slice_bytes(1);
  std::fill(bytes.end() - 64 * 20, bytes.end(), '\0');
  put(0);
  put(1, bytes);
  put(2, 4);
  start({"--wait-black", "500ms"});
  ASSERT_TRUE(masks_come(0, 4));
  EXPECT_TRUE(says(name_of_slice(1)));
}

TEST_F(LiveFaultTest, ASliceOfAnotherSizeIsReportedAndTheOthersGoOn) {
  put(0, 3);
  put(3, tiff_bytes(textured_slice(3, 40, 64), TiffLayout::directory_first));
  put(4, 6);
  start({"--wait-missing", "500ms"});
  ASSERT_TRUE(masks_come(4, 6));
  EXPECT_TRUE(says(name_of_slice(3)));
  EXPECT_EQ(stop(), 0) << daemon->said();
  expect_masks_of_batch(0, 6, {3});
}

}  // namespace
}  // namespace fibflow::testing
