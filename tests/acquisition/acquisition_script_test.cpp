#include "tests/acquisition/acquisition_script.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "io/formats/formats.h"
#include "tests/acquisition/acquisition_player.h"
#include "tests/acquisition/perturbed_stack.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow::testing {
namespace {

class AcquisitionScriptTest : public ::testing::Test {
 protected:
  AcquisitionScriptTest() {
    options.folder = folder / "";
    options.interval = 1;
    options.rests = {0, 0};
  }
  /// When each slice starts.
  std::map<std::int64_t, double> starts() {
    std::map<std::int64_t, double> times;
    for (const Appearance& appearance : make_script(stack, options).appearances) {
      if (appearance.z >= 0) times[appearance.z] = appearance.start;
    }
    return times;
  }

  const TemporaryFolder folder;
  MemoryStack<std::uint8_t> stack = textured_stack(48, 24, 32);
  ScriptOptions options;
};

TEST_F(AcquisitionScriptTest, PlaysEverySliceOnceAndAtItsTime) {
  const auto times = starts();
  ASSERT_EQ(times.size(), 48U);
  for (const auto& [z, time] : times) EXPECT_DOUBLE_EQ(time, static_cast<double>(z));
}

TEST_F(AcquisitionScriptTest, ShufflesWithinTheWindowOnly) {
  options.shuffle_window = 6;
  const auto times = starts();
  int moved = 0;
  for (const auto& [z, time] : times) {
    EXPECT_EQ(static_cast<std::int64_t>(time) / 6, z / 6) << z;
    moved += time != static_cast<double>(z) ? 1 : 0;
  }
  EXPECT_GT(moved, 20);
}

TEST_F(AcquisitionScriptTest, ABurstComesAllAtOnce) {
  options.burst_every = 10;
  options.burst = 7;
  std::map<double, int> at;
  for (const auto& [z, time] : starts()) ++at[time];
  EXPECT_EQ(std::count_if(at.begin(), at.end(), [](const auto& item) { return item.second == 7; }), 2);
  EXPECT_EQ(at.size(), 33U) << "three times ten alone, two whole bursts, and four slices of a third";
}

TEST_F(AcquisitionScriptTest, MissingSlicesNeverCome) {
  options.missing_every = 8;
  const Script script = make_script(stack, options);
  EXPECT_EQ(script.missing.size(), 5U);
  const auto times = starts();
  EXPECT_EQ(times.size(), 43U);
  for (const std::int64_t z : script.missing) EXPECT_EQ(times.count(z), 0U) << z;
  EXPECT_EQ(times.count(0), 1U);
  EXPECT_EQ(times.count(47), 1U);
  write_truth(stack, script, options, folder / "truth");
  EXPECT_EQ(files_in(folder / "truth").size(), 43U);
}

TEST_F(AcquisitionScriptTest, EqualSeedsMakeEqualScripts) {
  options.styles = writer_styles();
  options.shuffle_window = 5;
  const auto spoken = [&] {
    std::string text;
    for (const Appearance& appearance : make_script(stack, options).appearances)
      text += appearance.file + appearance.style + std::to_string(appearance.start);
    return text;
  };
  const std::string first = spoken();
  EXPECT_EQ(spoken(), first);
  options.seed = 2;
  EXPECT_NE(spoken(), first);
}

TEST_F(AcquisitionScriptTest, AllStylesTogetherEndWithTheTruth) {
  options.styles = writer_styles();
  std::erase(options.styles, WriterStyle::replaced_later);
  options.interval = 0;
  options.shuffle_window = 8;
  options.foreign_every = 4;
  options.missing_every = 16;
  const Script script = make_script(stack, options);
  std::set<std::string> styles;
  std::set<std::int64_t> complete;
  play(script, [&](const Event& event) {
    styles.insert(event.style);
    if (!event.completes) return;
    EXPECT_TRUE(complete.insert(event.z).second) << event.z;
  });
  EXPECT_EQ(styles.size(), options.styles.size() + 1) << "with the foreign files";
  EXPECT_EQ(complete.size(), 46U);
  for (const std::int64_t z : complete) {
    const auto file = io::open_stack(folder / slice_name(options, z));
    EXPECT_EQ(hash_of(file->read(0)), hash_of(stack.read(z))) << z;
  }
}

TEST_F(AcquisitionScriptTest, ForeignFilesOfEveryKindComeAmongTheSlices) {
  options.interval = 0;
  options.foreign_every = 4;
  play(make_script(stack, options), [](const Event&) {});
  std::set<std::string> foreign;
  for (const std::string& name : files_in(folder / "")) {
    if (!name.starts_with("slice_")) foreign.insert(name);
  }
  EXPECT_EQ(foreign.size(), 12U);
  for (const char* name :
       {"notes 0.txt", "thumbnail-1.tif", "~transfer2.tmp", "overviews-3", "empty4", "link5"}) {
    EXPECT_EQ(foreign.count(name), 1U) << name;
  }
}

}  // namespace
}  // namespace fibflow::testing
