// `fibflow report` as users meet it: as a program.
#include <gtest/gtest.h>

#include <string>

#include "model/tile/network.h"
#include "tests/fixtures/recorded_run_json.h"
#include "tests/fixtures/run_program.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow {
namespace {

using testing::ProgramRun;
using testing::run_fibflow;

class ReportCommandTest : public ::testing::Test {
 protected:
  ProgramRun report(const std::string& run, std::vector<std::string> more = {}) const {
    std::vector<std::string> all{"report", run, "--output", page_};
    all.insert(all.end(), more.begin(), more.end());
    return run_fibflow(all);
  }

  const testing::TemporaryFolder folder_;
  const std::string page_ = folder_ / "report.html";
};

TEST_F(ReportCommandTest, MakesAPageOfWhatSegmentRecorded) {
  auto slices = testing::textured_stack(6, 72, 104);
  testing::write_tiff(slices, folder_ / "stack.tif");
  const std::string model = std::string(FIBFLOW_TEST_FIXTURES) + "/onnx/models/small.onnx";
  for (const char* recipe : {"stream", "two-pass", "none"}) {
    const ProgramRun made =
        run_fibflow({"segment", folder_ / "stack.tif", "--model", model, "-o", folder_ / "m.tif", "--report",
                     folder_ / "run.json", "--overwrite", "--recipe", recipe});
    ASSERT_EQ(made.code, 0) << made.err;
    const ProgramRun run = report(folder_ / "run.json", {"--overwrite"});
    ASSERT_EQ(run.code, 0) << run.err;
    const std::string page = testing::bytes_of(page_);
    EXPECT_NE(page.find("stack.tif"), std::string::npos);
    EXPECT_NE(page.find("<b>Foreground</b>"), std::string::npos);
    EXPECT_NE(page.find("<dd><bdi>" + std::string(recipe) + "</bdi></dd>"), std::string::npos);
  }
}

TEST_F(ReportCommandTest, MakesAPageOfWhatAdaptRecorded) {
  auto slices = testing::textured_stack(6, 72, 104);
  testing::write_tiff(slices, folder_ / "stack.tif");
  const std::string model = std::string(FIBFLOW_TEST_FIXTURES) + "/onnx/models/small.onnx";
  const ProgramRun made = run_fibflow({"adapt", folder_ / "stack.tif", "--model", model, "-o",
                                       folder_ / "a.onnx", "--report", folder_ / "run.json"});
  ASSERT_EQ(made.code, 0) << made.err;
  EXPECT_EQ(report(folder_ / "run.json").code, 0);
  const std::string page = testing::bytes_of(page_);
  const model::Network network = model::Network::load(model);
  for (const model::BatchNorm& layer : network.batch_norms())
    EXPECT_NE(page.find("<bdi>" + layer.name + "</bdi>"), std::string::npos) << layer.name;
}

TEST_F(ReportCommandTest, ReplacesNothingUnasked) {
  const std::string json = folder_.write("run.json", testing::recorded_run_json(3).dump());
  folder_.write("report.html", "mine");
  const ProgramRun run = report(json);
  EXPECT_EQ(run.code, 73) << run.err;
  EXPECT_EQ(testing::bytes_of(page_), "mine");
  EXPECT_EQ(report(json, {"--overwrite"}).code, 0);
}

TEST_F(ReportCommandTest, RefusesWhatIsNoReportAndLeavesNothing) {
  const ProgramRun missing = report(folder_ / "nowhere.json");
  EXPECT_EQ(missing.code, 66) << missing.err;
  EXPECT_EQ(missing.err, "fibflow: " + (folder_ / "nowhere.json") + ": No such file or directory\n");
  const ProgramRun broken = report(folder_.write("broken.json", "{\"format\": "));
  EXPECT_EQ(broken.code, 65);
  EXPECT_NE(broken.err.find("broken.json: is not JSON"), std::string::npos) << broken.err;
  const ProgramRun other = report(folder_.write("other.json", "{\"format\": \"another\"}"));
  EXPECT_EQ(other.code, 65);
  EXPECT_EQ(report(folder_ / "").code, 65) << "a folder";
  EXPECT_EQ(testing::files_in(folder_ / "").size(), 2U) << "the two inputs";
}

}  // namespace
}  // namespace fibflow
