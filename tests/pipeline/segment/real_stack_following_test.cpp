// A real acquisition that does not change keeps its frozen statistics; one whose contrast drops does not.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>

#include "io/formats/formats.h"
#include "pipeline/report/run_report.h"
#include "pipeline/segment/run.h"
#include "tests/fixtures/memory_stack.h"
#include "tests/fixtures/temporary_folder.h"

namespace fibflow::pipeline {
namespace {

const std::string shared = FIBFLOW_SHARED;

/// A stack with half of the contrast from a slice on. Whole slices: a window of a few micrometres shows other
/// cells after some tens of slices, which is a change as well.
io::MemoryStack dimmed_from(io::Stack& stack, std::int64_t jump) {
  return testing::changed(stack, [jump](io::Slice slice) {
    if (slice.z() < jump) return slice;
    const auto voxels = slice.as<std::uint8_t>();
    std::vector<std::uint8_t> dimmed(voxels.begin(), voxels.end());
    for (std::uint8_t& gray : dimmed) gray = static_cast<std::uint8_t>(64 + gray / 2);
    return testing::make_slice<std::uint8_t>(slice.z(), slice.height(), slice.width(), dimmed.data());
  });
}

std::vector<std::string> events_on(std::int64_t jump) {
  const auto stack = io::open_stack(shared + "/data/stacks/fib25/image.tif");
  io::MemoryStack dimmed = dimmed_from(*stack, jump);
  AdaptationOptions adaptation;
  adaptation.probe_order = ProbeOrder::first;
  adaptation.comparison = 0;
  const auto network = model::Network::load(shared + "/models/cdeep3m_unet16.onnx");
  std::vector<std::string> events;
  const testing::TemporaryFolder folder;
  OutputOptions output;
  output.mask = folder / "m.tif";
  InputOptions at_scale_one;
  at_scale_one.scale = 1;
  const Outcome outcome = segment(dimmed, network, at_scale_one, adaptation, output, {});
  for (const RunEvent& event : outcome.report->events) {
    events.push_back(event.event);
  }
  return events;
}

class RealStackFollowingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(shared + "/data/stacks/fib25/image.tif")) {
      GTEST_SKIP() << "recorded data is not here: " << shared << "/data/stacks/fib25";
    }
  }
};

TEST_F(RealStackFollowingTest, NothingBeginsAnewWithoutAChange) {
  EXPECT_EQ(events_on(1'000'000), std::vector<std::string>{});
}

TEST_F(RealStackFollowingTest, AContrastThatDropsBeginsAnew) {
  EXPECT_EQ(events_on(70), std::vector<std::string>{"begun anew"});
}

}  // namespace
}  // namespace fibflow::pipeline
