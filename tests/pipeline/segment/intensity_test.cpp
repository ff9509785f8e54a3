#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "io/memory_stack.h"
#include "io/stack.h"
#include "pipeline/report/run_facts.h"
#include "pipeline/segment/run.h"
#include "tests/fixtures/make_slice.h"
#include "tests/fixtures/phantom_run.h"
#include "tests/fixtures/run_report.h"
#include "tests/fixtures/small_network.h"
#include "tests/fixtures/temporary_folder.h"

namespace fibflow::pipeline {
namespace {

SliceSums with_foreground(std::initializer_list<double> shares) {
  SliceSums sums;
  for (const double share : shares) {
    SliceRecord record;
    record.foreground = share;
    sums.add(record);
  }
  return sums;
}

TEST(OneSidedTest, SaysWhenEverythingIsBackgroundOrForeground) {
  EXPECT_FALSE(one_sided({}));
  EXPECT_FALSE(one_sided(with_foreground({0, 0.001})));
  EXPECT_FALSE(one_sided(with_foreground({1, 0.9})));
  EXPECT_NE(one_sided(with_foreground({0, 0}))->find("everything is background"), std::string::npos);
  EXPECT_NE(one_sided(with_foreground({1, 0.9999}))->find("everything is foreground"), std::string::npos);
}

/// Gray values of 8 bits, between 27 and 237, held in any way.
template <typename T>
io::MemoryStack stack_of(double factor, double offset = 0) {
  std::vector<io::Slice> slices;
  for (int z = 0; z < 4; ++z) {
    slices.push_back(testing::make_slice<T>(z, 64, 64, [&](int y, int x) {
      const int gray = 27 + (y * y + 3 * x * z + 11 * ((x / 8) % 3) * ((y / 8) % 5)) % 211;
      return static_cast<T>(gray * factor + offset);
    }));
  }
  return io::MemoryStack("stack", std::move(slices));
}

class HeldTest : public ::testing::Test {
 protected:
  Outcome run(io::MemoryStack stack, const char* name, const char* rule, InputOptions input = {}) {
    input.normalization = nodes::Normalization::parse(rule);
    OutputOptions output;
    output.mask = folder / (std::string(name) + ".tif");
    output.probability = folder / (std::string(name) + "_p.tif");
    output.probability_type = io::PixelType::f32;
    output.overwrite = true;
    return segment(stack, testing::small_network(), input, {}, output, {});
  }
  const testing::TemporaryFolder folder;
};

// The run with 8 bits in 8 is what the others are held against; statistics and masks depend on the intensities alone.
TEST_F(HeldTest, TheSameGrayValuesGiveTheSameStatisticsHoweverTheyAreHeld) {
  for (const char* rule : {"unit", "zscore:125,60", "zscore:0.5,0.24"}) {
    const Outcome plain = run(stack_of<std::uint8_t>(1), "u8", rule);
    const std::string kind = rule;
    EXPECT_EQ(plain.report->intensity->range, (nodes::IntensityRange{0, 255})) << kind;
    EXPECT_EQ(plain.report->intensity->range_from, "type") << kind;
    const Outcome in_16 = run(stack_of<std::uint16_t>(1), "u16", rule);
    EXPECT_EQ(in_16.report->intensity->range, (nodes::IntensityRange{0, 255})) << kind;
    EXPECT_EQ(in_16.report->intensity->range_from, "measured") << kind;
    EXPECT_EQ(in_16.statistics, plain.statistics) << kind;
    EXPECT_FALSE(in_16.report->warnings.empty()) << kind;
  }
}

TEST_F(HeldTest, InvertedContrastIsUndoneOnOrder) {
  const Outcome plain = run(stack_of<std::uint8_t>(1), "u8", "unit");
  InputOptions input;
  input.invert = true;
  const Outcome turned = run(stack_of<std::uint8_t>(-1, 255), "turned", "unit", input);
  EXPECT_EQ(turned.report->intensity->range, (nodes::IntensityRange{255, 0}));
  EXPECT_NEAR(turned.report->intensity->mean, plain.report->intensity->mean, 1e-12);
  EXPECT_EQ(testing::json_of(*turned.report)["options"]["invert"], true);
}

TEST_F(HeldTest, AGivenRangeIsUsedAndAnEmptyOneRefused) {
  InputOptions input;
  input.intensity_range = {0, 4095};
  const Outcome outcome = run(stack_of<std::uint16_t>(1), "given", "unit", input);
  EXPECT_EQ(testing::json_of(*outcome.report)["intensity"]["from"], "option");
  EXPECT_EQ(testing::json_of(*outcome.report)["intensity"]["white"], 4095);
  input.intensity_range = {7, 7};
  EXPECT_THROW(run(stack_of<std::uint16_t>(1), "empty", "unit", input), std::invalid_argument);
}

}  // namespace
}  // namespace fibflow::pipeline
