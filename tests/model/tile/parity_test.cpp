// What is compared with what: PyTorch's logits and running statistics, recorded with each case, against ours
// for the same file and the same input. Logits may differ by 1e-4 of the recorded logits' standard deviation;
// an adapted variance by 1e-5 of itself, an adapted mean by 1e-5 of the larger of itself and its channel's
// standard deviation (a mean near 0 has no relative accuracy of its own).

#include <gtest/gtest.h>

#include <cmath>

#include "model/statistics/estimator.h"
#include "tests/fixtures/case_runner.h"

namespace fibflow::model {
namespace {

constexpr double kLogits = 1e-4;
constexpr double kStatistics = 1e-5;

void expect_statistics(const Statistics& ours, const Array& mean, const Array& variance,
                       const std::string& what) {
  std::size_t at = 0;
  double worst_mean = 0;
  double worst_variance = 0;
  for (const LayerStatistics& layer : ours.layers) {
    for (std::size_t c = 0; c < layer.mean.size(); ++c, ++at) {
      ASSERT_LT(at, mean.values.size()) << what;
      const double m = mean.values[at];
      const double v = variance.values[at];
      worst_mean = std::max(worst_mean, std::abs(layer.mean[c] - m) / std::max(std::abs(m), std::sqrt(v)));
      worst_variance = std::max(worst_variance, std::abs(layer.variance[c] - v) / v);
    }
  }
  EXPECT_EQ(at, mean.values.size()) << what;
  EXPECT_LE(worst_mean, kStatistics) << what;
  EXPECT_LE(worst_variance, kStatistics) << what;
}

/// A network that makes the image smaller is run on slices that were extended; what only the extension added
/// does not count in its statistics, as PyTorch counts it, so that only the logits can be compared.
bool extends(const CaseRunner& runner) {
  const auto e = runner.inference().extension();
  return e.top + e.bottom + e.left + e.right > 0;
}

void check_adapted(const Case& c, const CaseRunner& runner, const nlohmann::json& record) {
  const std::string what = c.name + ": " + record.at("estimator").get<std::string>() + ", " +
                           record.at("normalize_by").get<std::string>();
  EstimatorOptions options;
  options.rule = record.at("estimator");
  if (!record.at("momentum").is_null()) options.values.set("momentum", record.at("momentum"));
  Estimator estimator(options, runner.network().source_statistics());
  std::vector<float> last;
  for (const auto& entry : c.json.at("batches")) {
    const Array batch = c.array(entry);
    Moments moments;
    last = record.at("normalize_by") == "batch" ? runner.own(batch, moments)
                                                : runner.running(batch, estimator.estimate(), &moments);
    estimator.update(moments, batch.dim(0));
  }
  if (extends(runner)) return;
  EXPECT_LE(deviation(last, c.array(record.at("logits_while_adapting_last_batch")).values), kLogits)
      << what << ", while adapting";
  expect_statistics(estimator.estimate(), c.array(record.at("mean")), c.array(record.at("variance")), what);
  const Array input = c.array(c.json.at("input"));
  const std::vector<float> expected = c.array(record.at("logits_after")).values;
  EXPECT_LE(deviation(runner.frozen(input, estimator.estimate()), expected), kLogits)
      << what << ", after, folded";
  EXPECT_LE(deviation(runner.running(input, estimator.estimate(), nullptr), expected), kLogits)
      << what << ", after, measured";
}

void check(const Case& c) {
  const CaseRunner runner(c, 0);
  const Array input = c.array(c.json.at("input"));
  const std::vector<float> expected = c.array(c.json.at("logits_source")).values;
  const Statistics source = runner.network().source_statistics();
  EXPECT_LE(deviation(runner.frozen(input, source), expected), kLogits) << c.name << ", folded";
  EXPECT_LE(deviation(runner.running(input, source, nullptr), expected), kLogits) << c.name << ", measured";
  if (!c.json.contains("adapted")) return;
  for (const auto& record : c.json.at("adapted")) check_adapted(c, runner, record);
}

class ParityTest : public testing::TestWithParam<Case> {};

TEST_P(ParityTest, EqualsPyTorch) {
  const Case& c = GetParam();
  if (c.expect == "refused") {
    EXPECT_THROW(Network::load(c.model()), ModelError);
    return;
  }
  if (c.expect == "optional") {
    // Beyond the U-Net family: either refused by name when it is loaded, or right.
    try {
      Network::load(c.model());
    } catch (const ModelError& e) {
      EXPECT_NE(std::string(e.what()).find("node '"), std::string::npos) << e.what();
      return;
    }
  }
  check(c);
}

std::string name_of_case(const testing::TestParamInfo<Case>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Idioms, ParityTest, testing::ValuesIn(own_cases()), name_of_case);
class SharedParityTest : public testing::TestWithParam<std::string> {};

TEST_P(SharedParityTest, EqualsPyTorch) {
  for (const Case& c : shared_cases()) {
    if (c.name == GetParam()) return check(c);
  }
  GTEST_SKIP() << "recorded data is not here: PyTorch's reference cases";
}

INSTANTIATE_TEST_SUITE_P(Reference, SharedParityTest, testing::Values("tiny", "untrained", "unet16"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace fibflow::model
