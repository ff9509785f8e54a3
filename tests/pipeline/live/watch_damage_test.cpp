// What a live run makes of checkpoints that were damaged or forged.

#include "tests/pipeline/live/watch_fixture.h"

namespace fibflow::pipeline {
namespace {

/// Changes the newest generation of a checkpoint, and signs it anew, as somebody who knows how would do.
class CraftedWatchTest : public WatchTest {
 protected:
  void SetUp() override {
    // Each process keeps a generation when it ends, however fast it is.
    for (int z = 0; z < 4; ++z) put(z);
    EXPECT_EQ(run(4), WatchEnd::stopped);
    put(4);
    EXPECT_EQ(run(5), WatchEnd::stopped);
    put(5);
    ASSERT_TRUE(fs::exists(state().path() + ".previous"));
    std::string ignored;
    ASSERT_TRUE(state().read([this](const Json& json) { sound = json; }, ignored));
  }
  using Json = nlohmann::ordered_json;
  DurableState state() const { return {folder / "out/.state/checkpoint", "watch checkpoint 9"}; }

  /// The newest generation alone, or both.
  void craft(const Json& json, bool both) const {
    const fs::path path = state().path();
    if (both) fs::remove(path.string() + ".previous");
    const auto previous = path.string() + ".previous";
    const std::string kept = fs::exists(previous) ? testing::bytes_of(previous) : "";
    state().write(json);
    if (both) {
      fs::remove(previous);
    } else {
      std::ofstream(previous, std::ios::binary) << kept;
    }
  }

  Json sound;
};

TEST_F(CraftedWatchTest, TheOlderGenerationStandsInForOneThatCannotBe) {
  Json other = sound;
  other["run"]["session"]["updater"]["estimator"]["mean"][0].push_back(1.0);
  craft(other, false);
  on_ready = [this] { end_it(); };
  EXPECT_EQ(run(), WatchEnd::complete);
  EXPECT_NE(log.find("another number of channels; the checkpoint before it is used"), std::string::npos)
      << log;
  EXPECT_EQ(masks_in(folder / "out/masks.tif"), batch_masks());
}

TEST_F(CraftedWatchTest, WhatCannotBeIsUnusableDataAndCrashesNothing) {
  // Each leaf gone, of another type, or out of all bounds; and each list longer or shorter.
  const Json flat = sound.flatten();
  Json deep = Json::array();
  for (int i = 0; i < 1000; ++i) deep = Json::array({std::move(deep)});
  std::vector<Json> crafted{Json(), Json::array(), "text", std::move(deep)};
  int skip = 0;
  for (const auto& [pointer, value] : flat.items()) {
    // Of the many numbers of the statistics some do for all.
    if (value.is_number_float() && ++skip % 37 != 0) continue;
    for (const Json& wrong : {Json(), Json("text"), Json(-1), Json(1e300), Json::array({1})}) {
      Json other = sound;
      other[Json::json_pointer(pointer)] = wrong;
      crafted.push_back(std::move(other));
    }
  }
  int refused = 0;
  for (const Json& json : crafted) {
    craft(json, true);
    try {
      WatchState(options.output.folder + "/.state", {folder / "out", setting(), network, adaptation.lag},
                 true);
    } catch (const io::Error& error) {
      EXPECT_EQ(error.kind(), io::ErrorKind::bad_data) << error.what();
      ++refused;
    }
  }
  EXPECT_GT(refused, static_cast<int>(crafted.size()) / 2) << "of " << crafted.size();
}

}  // namespace
}  // namespace fibflow::pipeline
