// A real acquisition that does not change keeps its frozen statistics; one whose contrast drops does not.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>

#include "pipeline/run.h"
#include "tests/pipeline/memory_stack.h"

namespace fibflow::pipeline {
namespace {

const std::string shared = FIBFLOW_SHARED;

/// The middle of a stack's slices, with half of the contrast from a slice on.
class Window : public io::Stack {
 public:
  Window(io::Stack& stack, int side, std::int64_t jump) : stack_(stack), info_(stack.info()), jump_(jump) {
    top_ = (info_.height - side) / 2;
    left_ = (info_.width - side) / 2;
    info_.height = info_.width = side;
  }

  const io::StackInfo& info() const override { return info_; }

  io::Slice read(std::int64_t z) override {
    const io::Slice whole = stack_.read(z);
    const auto voxels = whole.as<std::uint8_t>();
    std::vector<std::uint8_t> window;
    for (int y = top_; y < top_ + info_.height; ++y) {
      for (int x = left_; x < left_ + info_.width; ++x) {
        const int gray = voxels[static_cast<std::size_t>(y * whole.width() + x)];
        window.push_back(static_cast<std::uint8_t>(z < jump_ ? gray : 64 + gray / 2));
      }
    }
    return testing::make_slice<std::uint8_t>(z, info_.height, info_.width, window.data());
  }

 private:
  io::Stack& stack_;
  io::StackInfo info_;
  std::int64_t jump_;
  int top_ = 0;
  int left_ = 0;
};

std::vector<std::string> events_on(std::int64_t jump) {
  const auto stack = io::open_stack(shared + "/data/stacks/fib25/image.tif");
  Window window(*stack, 256, jump);
  AdaptationOptions adaptation;
  adaptation.freeze = Freeze::settled;
  adaptation.probe_order = ProbeOrder::first;
  const auto network = model::Network::load(shared + "/models/cdeep3m_unet16.onnx");
  std::vector<std::string> events;
  for (const RunEvent& event : adapt(window, network, {}, adaptation, {}).report.events) {
    events.push_back(event.event);
  }
  return events;
}

class RealStackFreezeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(shared + "/data/stacks/fib25/image.tif")) {
      GTEST_SKIP() << "no " << shared << "/data/stacks/fib25";
    }
  }
};

TEST_F(RealStackFreezeTest, NothingIsReopenedWithoutAChange) {
  EXPECT_EQ(events_on(1'000'000), std::vector<std::string>{"frozen"});
}

TEST_F(RealStackFreezeTest, AContrastThatDropsReopens) {
  EXPECT_EQ(events_on(70), (std::vector<std::string>{"frozen", "reopened", "frozen"}));
}

}  // namespace
}  // namespace fibflow::pipeline
