#include <gtest/gtest.h>

#include <cmath>

#include "experiment.h"
#include "model/statistics/drift.h"

namespace fibflow::toy {
namespace {

// Over twenty seeds, with 400 Gaussians, R² was between 0.83 and 0.90, the accuracies 0.994 … 0.998 on the source,
// 0.56 … 0.57 on the target and 0.89 … 0.93 after adaptation, relative accuracy after adaptation 0.95 … 0.96 on average.
TEST(ToyUdaTest, AdaptationRestoresTheBoundaryAndTheDistanceForetellsTheLossWithoutIt) {
  for (const std::uint64_t seed : {1, 2}) {
    const Experiment e = run_experiment(seed, 120);
    EXPECT_GT(e.on_source, 0.985) << seed;
    EXPECT_LT(e.on_target, 0.62) << seed;
    EXPECT_GT(e.on_target_adapted, 0.86) << seed;

    const LogLinearFit fit = e.before_by_distance();
    EXPECT_GT(fit.r_squared, 0.75) << seed;
    EXPECT_LT(fit.slope, -0.1) << seed;
    EXPECT_GT(fit.slope, -0.25) << seed;
    EXPECT_GT(e.before_by_plane().r_squared, 0.7) << seed;
    EXPECT_GT(e.mean_after(), 0.92) << seed;
  }
}

TEST(ToyUdaTest, TheSourceAsTargetIsAtNoDistanceAndLosesNothing) {
  const Domain source({0, 0}, {1, 0, 0, 1});
  const Classifier classifier(train(source, 3));
  std::mt19937_64 random(4);
  const model::Statistics again = classifier.adapt(source, 8, random);
  EXPECT_LT(model::drift(classifier.source(), again).per_channel, 0.002) << "8 x 4096 points";
  std::vector<Points> points;
  for (int i = 0; i < 4; ++i) points.push_back(source.sample(random));
  EXPECT_NEAR(classifier.accuracy(again, points), classifier.accuracy(classifier.source(), points), 0.01);
}

TEST(ToyUdaTest, HalfOfEveryDomainIsInside) {
  std::mt19937_64 random(5);
  for (const double distance : {0.0, 0.5, 1.5}) {
    const Domain domain = Domain::random(distance, random);
    int inside = 0;
    for (int i = 0; i < 4; ++i) {
      for (const std::uint8_t label : domain.sample(random).labels) inside += label;
    }
    EXPECT_NEAR(inside / (4.0 * pixels), 0.5, 4 * 0.5 / std::sqrt(4.0 * pixels)) << "four standard errors";
  }
}

}  // namespace
}  // namespace fibflow::toy
