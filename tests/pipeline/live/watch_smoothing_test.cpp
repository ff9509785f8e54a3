// A live run whose slices wait for their neighbours.
#include <gtest/gtest.h>

#include "tests/pipeline/live/watch_fixture.h"

namespace fibflow::pipeline {
namespace {

using WatchSmoothingTest = WatchTest;

TEST_F(WatchSmoothingTest, ASliceWaitsForItsNeighboursAlsoOverRestarts) {
  options.smoothing = {1.5};
  input.scale = 0.5;
  options.output.probability = true;
  for (int z = 0; z < 6; ++z) put(z);
  EXPECT_EQ(run(2), WatchEnd::stopped);
  EXPECT_EQ(run(4), WatchEnd::stopped);
  EXPECT_FALSE(fs::exists(folder / "out/masks/slice_4.tif")) << "two more are to come";
  EXPECT_TRUE(fs::exists(folder / "out/masks/slice_3.tif"));
  for (int z = 6; z < 9; ++z) put(z);
  on_ready = [this] { end_it(); };
  EXPECT_EQ(run(), WatchEnd::complete);
  EXPECT_EQ(masks_in(folder / "out/masks.tif"), batch_masks());
  EXPECT_EQ(report()["match"]["scale"], (nlohmann::json{0.5, 0.5}));
}

TEST_F(WatchSmoothingTest, GrayLevelsAreMatchedToTheTrainingsAsInABatchRun) {
  std::string histogram;
  for (int bin = 0; bin < 256; ++bin) histogram += std::to_string(bin * (255 - bin)) + (bin < 255 ? "," : "");
  network = testing::network_that_says({{"fibflow.histogram", histogram}});
  input.match = GrayMatch::histogram;
  for (int z = 0; z < 6; ++z) put(z);
  EXPECT_EQ(run(3), WatchEnd::stopped);
  on_ready = [this] { end_it(); };
  EXPECT_EQ(run(), WatchEnd::complete);
  EXPECT_EQ(masks_in(folder / "out/masks.tif"), batch_masks());
  EXPECT_EQ(report()["options"]["match"], "histogram");
  EXPECT_NEAR(report()["intensity"]["mean"], 0.5, 0.02) << "that of the training";
}

}  // namespace
}  // namespace fibflow::pipeline
