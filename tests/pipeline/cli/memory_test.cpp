// Peak memory does not grow with the depth of a stack and stays under the budget: of the program, as the system sees it.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/fixtures/run_program.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow {
namespace {

using testing::run_fibflow;

/// A stack of few slices, again and again.
io::MemoryStack repeated_stack(std::int64_t depth, int height, int width) {
  const auto slices =
      std::make_shared<testing::MemoryStack<std::uint8_t>>(testing::textured_stack(4, height, width));
  io::StackInfo info = slices->info();
  info.depth = depth;
  return {std::move(info), [slices](std::int64_t z) { return slices->read(z % 4); }};
}

class MemoryTest : public ::testing::Test {
 protected:
  /// Peak memory in bytes of a run over a stack of this depth.
  double peak(std::int64_t depth, const std::vector<std::string>& options) const {
    const std::string stack = folder / "stack.tif";
    const std::string report = folder / "report.json";
    io::MemoryStack slices = repeated_stack(depth, 256, 256);
    std::filesystem::remove(stack);
    testing::write_tiff(slices, stack);
    std::vector<std::string> arguments{"segment",
                                       stack,
                                       "--model",
                                       std::string(FIBFLOW_TEST_FIXTURES) + "/onnx/models/small.onnx",
                                       "-o",
                                       folder / "masks.tif",
                                       "--probability",
                                       folder / "p.tif",
                                       "--report",
                                       report,
                                       "--overwrite",
                                       "--quiet"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const auto run = run_fibflow(arguments);
    EXPECT_EQ(run.code, 0) << run.err;
    return nlohmann::json::parse(testing::bytes_of(report))["peak_memory"];
  }

  const testing::TemporaryFolder folder;
};

#if !defined(FIBFLOW_SANITIZED)  // sanitizers keep memory of their own

TEST_F(MemoryTest, DoesNotGrowWithTheDepth) {
  for (const std::vector<std::string>& options : std::vector<std::vector<std::string>>{
           {}, {"--recipe", "none"}, {"--tile", "128"}, {"--measure-every", "all"}}) {
    const double shallow = peak(40, options);
    const double deep = peak(400, options);
    EXPECT_LT(deep, 1.05 * shallow) << (options.empty() ? "" : options.back());
    RecordProperty(options.empty() ? "defaults" : options.back(),
                   std::to_string(shallow / (1 << 20)) + " and " + std::to_string(deep / (1 << 20)) + " MiB");
  }
}

TEST_F(MemoryTest, StaysUnderTheBudgetFromTheSmallestOneOn) {
  for (const std::string budget : {"90M", "120M", "200M"}) {
    for (const std::string recipe : {"stream", "two-pass", "none"}) {
      EXPECT_LE(peak(12, {"--memory", budget, "--recipe", recipe}), std::stod(budget) * (1 << 20)) << recipe;
    }
  }
}

TEST_F(MemoryTest, OfARealNetworkStaysUnderTheBudget) {
  const std::string shared = FIBFLOW_SHARED;
  const std::string model = shared + "/models/cdeep3m_unet16.onnx";
  if (!std::filesystem::exists(model)) GTEST_SKIP() << "recorded data is not here: " << model;
  for (const std::string budget : {"200M", "400M", "700M"}) {
    const auto run = run_fibflow({"segment", shared + "/data/stacks/fib25/image.tif", "--model", model, "-o",
                                  folder / "m.tif", "--slices", "0:6", "--report", folder / "r.json",
                                  "--memory", budget, "--overwrite", "--quiet"});
    ASSERT_EQ(run.code, 0) << run.err;
    const auto report = nlohmann::json::parse(testing::bytes_of(folder / "r.json"));
    EXPECT_LE(report["peak_memory"].get<double>(), std::stod(budget) * (1 << 20));
    RecordProperty("peak at " + budget, std::to_string(report["peak_memory"].get<double>() / (1 << 20)));
  }
}

#endif

}  // namespace
}  // namespace fibflow
