// A live run whose acquisition changes.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/adapt/doubt.h"
#include "pipeline/report/run_facts.h"
#include "tests/fixtures/make_slice.h"
#include "tests/fixtures/small_network.h"
#include "tests/pipeline/live/watch_fixture.h"

namespace fibflow::pipeline {
namespace {

class WatchChangeTest : public WatchTest {
 protected:
  /// The detector's gain is turned down before slice 14.
  void put_acquisition(std::int64_t depth) const {
    for (std::int64_t z = 0; z < depth; ++z) {
      const io::Slice slice = testing::textured_slice(z, height, width);
      const auto voxels = slice.as<std::uint8_t>();
      put(z, testing::make_slice<std::uint8_t>(z, height, width, [&](int y, int x) {
            const int gray = voxels[static_cast<std::size_t>(y * width + x)];
            return static_cast<std::uint8_t>(z < 14 ? gray : 130 + gray / 4);
          }));
    }
  }

  std::vector<std::string> events() const {
    std::vector<std::string> names;
    const nlohmann::json all = report();
    for (const auto& event : all["events"]) names.push_back(event["event"]);
    return names;
  }

  const std::vector<std::string> expected{"begun anew", "looked again"};
};

TEST_F(WatchChangeTest, LooksAgainWhetherAdaptationHelps) {
  put_acquisition(26);
  on_ready = [this] { end_it(); };
  EXPECT_EQ(run(), WatchEnd::complete);
  EXPECT_EQ(masks_in(folder / "out/masks.tif"), batch_masks()) << "looking changes nothing";
  EXPECT_EQ(events(), expected);
  const std::string text = report()["events"][1]["text"];
  EXPECT_NE(text.find("3 slices, foreground"), std::string::npos) << text;
  EXPECT_NE(log.find(text), std::string::npos);
}

TEST_F(WatchChangeTest, LooksAgainAlsoIfItWasStoppedInBetween) {
  put_acquisition(26);
  std::atomic<bool> has_changed = false;
  on_log = [&](const std::string& line) {
    if (line.find("the acquisition has changed") != std::string::npos) has_changed = true;
  };
  stop_when = [&] { return has_changed.load(); };
  EXPECT_EQ(run(), WatchEnd::stopped);
  on_log = [](const std::string&) {};
  stop_when = {};
  on_ready = [this] { end_it(); };
  EXPECT_EQ(run(), WatchEnd::complete);
  EXPECT_EQ(masks_in(folder / "out/masks.tif"), batch_masks());
  EXPECT_EQ(events(), expected);
  EXPECT_NE(report()["warnings"].dump().find("the acquisition has changed"), std::string::npos)
      << "also after a restart";
}

TEST_F(WatchChangeTest, LooksAtNothingIfThatIsNotWanted) {
  adaptation.comparison = 0;
  put_acquisition(26);
  on_ready = [this] { end_it(); };
  EXPECT_EQ(run(), WatchEnd::complete);
  EXPECT_EQ(events(), std::vector<std::string>{"begun anew"});
}

TEST(LookedAgainTest, SaysWhatSpeaksAgainstIt) {
  AdaptationStart::Verdict verdict;
  verdict.comparison.slices.push_back({17, {0.1, 0.2, 0.8}, {0.4, 0.3, 0.7}, 0.25, 0.7});
  EXPECT_NE(event_of(verdict, 16).text.find("nothing speaks against it"), std::string::npos);
  verdict.signs = signs_of(verdict.comparison, 0.09);
  ASSERT_FALSE(verdict.signs.empty());
  const RunEvent event = event_of(verdict, 16);
  EXPECT_EQ(event.z, 16);
  EXPECT_EQ(event.event, "in doubt");
  EXPECT_NE(event.text.find(verdict.signs[0].text), std::string::npos) << event.text;
}

}  // namespace
}  // namespace fibflow::pipeline
