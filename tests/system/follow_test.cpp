// What follows a folder, against a simulated acquisition: every slice once, in order, and never before it is complete.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <thread>

#include "pipeline/live/acquisition.h"
#include "tests/acquisition/acquisition_player.h"
#include "tests/acquisition/acquisition_script.h"
#include "tests/acquisition/perturbed_stack.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow::testing {
namespace {

using std::chrono::milliseconds;

/// Seconds that a file has to be left alone. The brief rests of a writer are a tenth of it.
constexpr double settle = 0.4;

/// With inotify, and without, as on a network share.
class FollowTest : public ::testing::TestWithParam<bool> {
 protected:
  static pipeline::AcquisitionOptions options_for(const std::string& folder, double settled = settle) {
    pipeline::AcquisitionOptions options;
    options.folder = folder;
    options.pattern = "slice_#.tif";
    options.settle = milliseconds(static_cast<int>(1000 * settled));
    options.poll = milliseconds(100);
    options.wait_missing = milliseconds(3000);
    options.wait_black = milliseconds(3000);
    options.first = 0;
    options.notify = GetParam();
    return options;
  }
};

/// Plays a script and takes its slices as they come. `next`: what the play may know was taken. A slice that is taken
/// before it is complete fails, unless the machine held its writer up so long that what was played is not the script.
std::vector<std::int64_t> follow(const Script& script, PerturbedStack& stack,
                                 pipeline::Acquisition& acquisition, std::atomic<std::int64_t>& next) {
  std::map<std::int64_t, double> held_up;  // by slice; of the player until it has ended
  std::jthread player([&] {
    play(script, [&](const Event& event) { held_up[event.z] = std::max(held_up[event.z], event.late); });
  });
  std::vector<pipeline::AcquiredSlice> early;
  std::vector<std::int64_t> numbers;
  const auto slices = static_cast<std::size_t>(stack.info().depth) - script.missing.size();
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (numbers.size() < slices && std::chrono::steady_clock::now() < limit) {
    const auto taken = acquisition.take();
    if (!taken) {
      acquisition.wait(milliseconds(50));
      continue;
    }
    if (hash_of(taken->slice) != hash_of(stack.read(taken->number))) early.push_back(*taken);
    numbers.push_back(taken->number);
    next = taken->number + 1;
  }
  next = stack.info().depth;  // the play may end
  player.join();
  for (const pipeline::AcquiredSlice& slice : early) {
    EXPECT_GT(held_up[slice.number], settle / 2) << slice.file << " was taken before it was complete";
  }
  return numbers;
}

TEST_P(FollowTest, WaitsForEveryStyleThoughLaterSlicesAreThere) {
  std::vector<std::jthread> threads;
  for (const WriterStyle style : writer_styles()) {
    // A good file with other voxels is told from the right one by nothing but how long it stays.
    if (style == WriterStyle::corrected_first) continue;
    threads.emplace_back([style] {
      SCOPED_TRACE(name_of(style));
      const TemporaryFolder folder;
      PerturbedStack stack(std::make_unique<MemoryStack<std::uint8_t>>(textured_stack(5, 48, 64)),
                           {4, 0, 0, 1, 1});
      std::atomic<std::int64_t> next = 0;
      ScriptOptions script;
      script.folder = folder / "";
      script.interval = 0;
      script.rests = rests_around(settle);
      script.was_taken = [&](std::int64_t z) { return z < next; };
      Script played = make_script(stack, script);
      script.styles = {style};
      played.appearances[1] = make_script(stack, script).appearances[1];
      played.appearances[2] = make_script(stack, script).appearances[2];  // of another layout
      pipeline::Acquisition acquisition(options_for(script.folder), {});
      EXPECT_EQ(follow(played, stack, acquisition, next), (std::vector<std::int64_t>{0, 1, 2, 3}));
    });
  }
}

TEST_P(FollowTest, TakesEverySliceOfAMixtureOnceInOrder) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "in");
  const char* text = std::getenv("FIBFLOW_SEED");
  const unsigned seed = text == nullptr ? 1 : static_cast<unsigned>(std::atoi(text));
  SCOPED_TRACE("FIBFLOW_SEED=" + std::to_string(seed));
  PerturbedStack stack(std::make_unique<MemoryStack<std::uint8_t>>(textured_stack(12, 48, 64)),
                       {60, 0, 0, seed, 1});

  std::atomic<std::int64_t> next = 0;
  ScriptOptions script;
  script.folder = folder / "in";
  script.styles = writer_styles();
  std::erase(script.styles, WriterStyle::corrected_first);
  script.interval = 0.03;
  script.rests = rests_around(settle);
  script.seed = seed;
  script.shuffle_window = 6;
  script.burst_every = 20;
  script.burst = 15;
  script.missing_every = 25;
  script.foreign_every = 7;
  script.was_taken = [&](std::int64_t z) { return z < next; };
  const Script played = make_script(stack, script);

  std::vector<pipeline::AcquisitionNote> notes;
  pipeline::Acquisition acquisition(options_for(script.folder),
                                    [&](const auto& note) { notes.push_back(note); });
  std::vector<std::int64_t> expected;
  for (std::int64_t z = 0; z < 60; ++z) {
    if (!std::binary_search(played.missing.begin(), played.missing.end(), z)) expected.push_back(z);
  }
  EXPECT_EQ(follow(played, stack, acquisition, next), expected);
  const auto count = [&](pipeline::AcquisitionNote::Kind kind) {
    return std::count_if(notes.begin(), notes.end(), [&](const auto& note) { return note.kind == kind; });
  };
  EXPECT_EQ(count(pipeline::AcquisitionNote::Kind::skipped), std::ssize(played.missing));
  EXPECT_EQ(count(pipeline::AcquisitionNote::Kind::late), 0);
  EXPECT_EQ(count(pipeline::AcquisitionNote::Kind::failed), 0);
}

TEST_P(FollowTest, TakesThousandsThatAreThereAtOnce) {
  const TemporaryFolder folder;
  const char* text = std::getenv("FIBFLOW_FILES");
  const std::int64_t files = text == nullptr ? 2000 : std::atoll(text);
  PerturbedStack stack(std::make_unique<MemoryStack<std::uint8_t>>(textured_stack(2, 8, 8)),
                       {files, 0, 0, 1, 0});
  std::atomic<std::int64_t> next = 0;
  ScriptOptions script;
  script.folder = folder / "";
  script.interval = 0;
  script.shuffle_window = static_cast<int>(files);
  const Script played = make_script(stack, script);
  pipeline::Acquisition acquisition(options_for(script.folder, 0.1), {});
  const std::vector<std::int64_t> numbers = follow(played, stack, acquisition, next);
  EXPECT_EQ(std::ssize(numbers), files);
  EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
}

INSTANTIATE_TEST_SUITE_P(Ways, FollowTest, ::testing::Bool(),
                         [](const auto& way) { return way.param ? "Notified" : "PollingOnly"; });

}  // namespace
}  // namespace fibflow::testing
