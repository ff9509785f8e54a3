// `fibflow drift` as users meet it: as a program.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/tile/network.h"
#include "tests/fixtures/run_program.h"
#include "tests/fixtures/temporary_folder.h"

namespace fibflow {
namespace {

using Json = nlohmann::json;
using testing::ProgramRun;
using testing::run_fibflow;

const std::string models = std::string(FIBFLOW_TEST_FIXTURES) + "/onnx/models/";
const std::string source_file = models + "small.onnx";

class DriftCommandTest : public ::testing::Test {
 protected:
  /// The source with other statistics, as a file.
  std::string with(const model::Statistics& statistics) const {
    return folder_.write("other.onnx", source_.with_statistics(statistics, {}));
  }

  Json compare(const std::string& a, const std::string& b) {
    last_ = run_fibflow({"drift", a, b, "--json"});
    EXPECT_EQ(last_.code, 0) << last_.err;
    return Json::parse(last_.out);
  }

  const testing::TemporaryFolder folder_;
  const model::Network source_ = model::Network::load(source_file);
  model::Statistics statistics_ = source_.source_statistics();
  ProgramRun last_;
};

TEST_F(DriftCommandTest, AModelIsAtDistanceZeroFromItself) {
  const Json json = compare(source_file, source_file);
  EXPECT_EQ(last_.err, "");
  ASSERT_EQ(json["directions"].size(), 2U);
  for (const Json& direction : json["directions"]) {
    EXPECT_EQ(direction["distance"], 0.0);
    EXPECT_EQ(direction["layers"].size(), source_.batch_norms().size());
    EXPECT_TRUE(direction["moved_most"].empty());
  }
}

TEST_F(DriftCommandTest, MeasuresBothDirectionsAndNamesWhatMovedMost) {
  // The second layer's first channel: its mean by three deviations. The first layer's second one: half the spread.
  model::LayerStatistics& first = statistics_.layers[0];
  model::LayerStatistics& second = statistics_.layers[1];
  first.variance[1] *= 0.25F;
  second.mean[0] += 3 * std::sqrt(second.variance[0]);
  const Json json = compare(source_file, with(statistics_));
  EXPECT_EQ(json["a"]["path"], source_file);

  const Json& there = json["directions"][0];
  EXPECT_EQ(there["estimated"], "a");
  EXPECT_NEAR(there["layers"][0]["distance"], 1, 1e-5);
  EXPECT_NEAR(there["layers"][0]["spread"], 1, 1e-5);
  EXPECT_EQ(there["layers"][0]["mean"], 0.0);
  EXPECT_NEAR(there["layers"][1]["distance"], 9, 1e-4);
  EXPECT_NEAR(there["distance"], 10, 1e-4);
  EXPECT_NEAR(there["per_channel"], 10.0 / json["a"]["channels"].get<double>(), 1e-4);
  ASSERT_EQ(there["moved_most"].size(), 2U);
  EXPECT_EQ(there["moved_most"][0]["layer"], source_.batch_norms()[1].name);
  EXPECT_EQ(there["moved_most"][0]["channel"], 0);
  EXPECT_NEAR(there["moved_most"][0]["mean"], 9, 1e-4);

  const Json& back = json["directions"][1];
  EXPECT_EQ(back["true"], "a");
  EXPECT_NEAR(back["layers"][0]["distance"], 0.25, 1e-5);
  EXPECT_NEAR(back["layers"][1]["distance"], 9, 1e-4);
}

TEST_F(DriftCommandTest, PrintsTablesForPeople) {
  statistics_.layers[0].variance[1] *= 0.25F;
  const ProgramRun run = run_fibflow({"drift", source_file, with(statistics_), "--top", "1"});
  ASSERT_EQ(run.code, 0) << run.err;
  for (const model::BatchNorm& layer : source_.batch_norms())
    EXPECT_NE(run.out.find(layer.name), std::string::npos) << layer.name;
  EXPECT_NE(run.out.find("moved most, A -> B"), std::string::npos);
  EXPECT_NE(run.out.find("spread"), std::string::npos) << run.out;
}

TEST_F(DriftCommandTest, ExplainsInfiniteDistances) {
  statistics_.layers[0].variance[0] = 0;
  statistics_.layers[0].variance[1] *= 4;
  const std::string other = with(statistics_);
  const Json json = compare(source_file, other);
  const Json& there = json["directions"][0];
  EXPECT_TRUE(there["distance"].is_null());
  EXPECT_EQ(there["infinite_channels"], 1);
  EXPECT_NEAR(there["layers"][0]["finite_distance"], 0.25, 1e-5);
  EXPECT_FALSE(json["directions"][1]["distance"].is_null());
  EXPECT_NE(last_.err.find("variance of 0 in " + other), std::string::npos) << last_.err;
  const ProgramRun run = run_fibflow({"drift", source_file, other});
  EXPECT_NE(run.out.find("infinite"), std::string::npos);
}

TEST_F(DriftCommandTest, SaysWhereADistanceIsLargerThanTheNetworkFeels) {
  statistics_.layers[1].variance[2] = 1e-9F;
  const Json json = compare(source_file, with(statistics_));
  EXPECT_EQ(json["directions"][0]["layers"][1]["below_epsilon"], Json::array({2}));
  EXPECT_TRUE(json["directions"][1]["layers"][1]["below_epsilon"].empty());
  EXPECT_NE(last_.err.find("epsilon"), std::string::npos) << last_.err;
}

TEST_F(DriftCommandTest, RefusesANegativeVariance) {
  statistics_.layers[0].variance[0] = -1;
  const std::string other = with(statistics_);
  const ProgramRun run = run_fibflow({"drift", source_file, other});
  EXPECT_EQ(run.code, 65);
  EXPECT_NE(run.err.find(other), std::string::npos);
  EXPECT_NE(run.err.find("variance is negative"), std::string::npos) << run.err;
}

TEST_F(DriftCommandTest, RefusesOtherNetworksNamingBothFiles) {
  for (const char* other : {"depth3.onnx", "width12.onnx"}) {
    const ProgramRun run = run_fibflow({"drift", source_file, models + other});
    EXPECT_EQ(run.code, 65) << run.err;
    EXPECT_EQ(run.out, "");
    EXPECT_NE(run.err.find(source_file + " and " + models + other), std::string::npos) << run.err;
  }
  const ProgramRun missing = run_fibflow({"drift", source_file, "nowhere.onnx"});
  EXPECT_EQ(missing.code, 66) << missing.err;
}

TEST_F(DriftCommandTest, RefusesModelsWithoutStatistics) {
  const ProgramRun run = run_fibflow({"drift", models + "folded.onnx", models + "folded.onnx"});
  EXPECT_EQ(run.code, 65) << run.err;
  EXPECT_NE(run.err.find("no BatchNormalization"), std::string::npos) << run.err;
}

TEST_F(DriftCommandTest, SaysThatModelsTrainedApartAreNotCompared) {
  const std::string demo = std::string(FIBFLOW_TEST_FIXTURES) + "/../../examples/demo/";
  compare(demo + "source.onnx", demo + "target.onnx");
  EXPECT_NE(last_.err.find("trained apart"), std::string::npos) << last_.err;
}

}  // namespace
}  // namespace fibflow
