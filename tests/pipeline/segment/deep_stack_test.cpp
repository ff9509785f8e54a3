#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "io/formats/formats.h"
#include "pipeline/report/run_facts.h"
#include "pipeline/report/run_report.h"
#include "pipeline/segment/run.h"
#include "tests/fixtures/child_process.h"
#include "tests/fixtures/small_network.h"
#include "tests/fixtures/temporary_folder.h"

namespace fibflow::pipeline {
namespace {

constexpr int side = 16;

/// As deep as is wanted, and made when it is read.
class DeepStack : public io::Stack {
 public:
  explicit DeepStack(std::int64_t depth) {
    info_.path = "deep";
    info_.depth = depth;
    info_.height = info_.width = side;
  }
  const io::StackInfo& info() const override { return info_; }
  io::Slice read(std::int64_t z) override { return testing::textured_slice(z, side, side); }

 private:
  io::StackInfo info_;
};

/// The most memory that a process took for a run and its report, in bytes.
std::size_t peak_of(std::int64_t depth, bool resume) {
  const testing::TemporaryFolder folder;
  const testing::Ending ending = testing::in_child([&] {
    DeepStack stack(depth);
    OutputOptions output;
    output.mask = folder / "masks.tif";
    output.resume = resume;
    output.checkpoint_seconds = 0.5;
    const Outcome outcome = segment(stack, testing::small_network(), {}, {}, output, {1, 0, 0});
    write_report(*outcome.report, folder / "report.json", false);
    remove_checkpoint(outcome);
    std::ofstream(folder / "peak") << peak_memory();
    return 0;
  });
  EXPECT_EQ(ending.code, 0);
  std::ifstream file(folder / "report.json");
  const auto report = nlohmann::json::parse(file);
  EXPECT_EQ(report["slices"].size(), static_cast<std::size_t>(depth));
  EXPECT_EQ(report["slices"].back()["z"], depth - 1);
  EXPECT_EQ(io::open_stack(folder / "masks.tif")->info().depth, depth);
  std::size_t peak = 0;
  std::ifstream(folder / "peak") >> peak;
  return peak;
}

TEST(DeepStackTest, MemoryDoesNotGrowWithTheSlices) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer keeps what was freed: memory would grow with it";
#endif
  // So many that what a process takes by chance, a megabyte or two, is small beside what they may take.
  constexpr std::int64_t few = 1000;
  constexpr std::int64_t many = 25'000;
  for (const bool resume : {false, true}) {
    const std::size_t before = peak_of(few, resume);
    ASSERT_GT(before, 0u);
    // A record alone, as the report has it, takes two thousand bytes in memory.
    EXPECT_LT(peak_of(many, resume), before + (many - few) * 200) << "resume: " << resume;
  }
}

}  // namespace
}  // namespace fibflow::pipeline
