#include "model/statistics/statistics.h"

#include <gtest/gtest.h>

#include <limits>

#include <cmath>
#include <random>

#include "model/statistics/estimator.h"

namespace fibflow::model {
namespace {

LayerMoments moments_of(const std::vector<double>& values) {
  LayerMoments m{static_cast<double>(values.size()), {0}, {0}};
  for (const double v : values) m.mean[0] += v / m.count;
  for (const double v : values) m.squares[0] += (v - m.mean[0]) * (v - m.mean[0]);
  return m;
}

Moments batch(double count, double mean, double variance) {
  return {{LayerMoments{count, {mean}, {variance * count}}}};
}

Statistics source(float mean, float variance) {
  return {{LayerStatistics{{mean}, {variance}}}};
}

TEST(MomentsTest, MergedPartsEqualTheWhole) {
  std::mt19937 random(1);
  std::normal_distribution<double> normal(1000, 0.5);  // far from 0: sums of squares would lose everything
  std::vector<double> all(3000);
  for (double& v : all) v = normal(random);
  LayerMoments merged;
  for (const auto& [begin, end] : {std::pair{0, 7}, {7, 1500}, {1500, 3000}}) {
    merged.merge(moments_of({all.begin() + begin, all.begin() + end}));
  }
  const LayerMoments whole = moments_of(all);
  EXPECT_EQ(merged.count, whole.count);
  EXPECT_NEAR(merged.mean[0], whole.mean[0], 1e-12 * whole.mean[0]);
  EXPECT_NEAR(merged.squares[0], whole.squares[0], 1e-9 * whole.squares[0]);
}

TEST(MomentsTest, AnEmptyPartAddsNothing) {
  LayerMoments m = moments_of({1, 2, 4});
  const LayerMoments before = m;
  m.merge(LayerMoments{0, {5}, {5}});
  EXPECT_EQ(m, before);
}

TEST(MomentsTest, NoPixelHasNoStatistics) {
  EXPECT_THROW(LayerMoments{}.statistics(), std::logic_error);
}

TEST(BlendTest, WeighsSourceAndEstimate) {
  const Statistics b = blend(source(2, 8), source(0, 4), 0.25);
  EXPECT_FLOAT_EQ(b.layers[0].mean[0], 1.5F);
  EXPECT_FLOAT_EQ(b.layers[0].variance[0], 7);
  EXPECT_EQ(blend(source(0.1F, 0.3F), source(1, 1), 0), source(0.1F, 0.3F));
  EXPECT_EQ(blend(source(0.1F, 0.3F), source(1, 2), 1), source(1, 2));
  EXPECT_THROW(blend(source(1, 1), source(1, 1), 1.5), std::invalid_argument);
  EXPECT_THROW(blend(source(1, 1), source(1, 1), std::nan("")), std::invalid_argument);
}

TEST(EstimatorTest, EmaWeighsTheNewBatchByItsMomentum) {
  Estimator e({.rule = "ema", .values = {{{"momentum", 0.25}}}}, source(0, 1));
  e.update(batch(10, 4, 9), 1);
  EXPECT_FLOAT_EQ(e.estimate().layers[0].mean[0], 1);
  EXPECT_FLOAT_EQ(e.estimate().layers[0].variance[0], 3);
}

TEST(EstimatorTest, PooledIncludesTheVarianceBetweenBatches) {
  Estimator e({.rule = "pooled"}, source(0, 1));
  EXPECT_EQ(e.estimate(), source(0, 1));
  e.update(batch(10, 0, 1), 1);
  e.update(batch(30, 4, 1), 1);
  EXPECT_FLOAT_EQ(e.estimate().layers[0].mean[0], 3);
  EXPECT_FLOAT_EQ(e.estimate().layers[0].variance[0], 1 + 0.25F * 9 + 0.75F * 1);
}

TEST(EstimatorTest, PriorWeighsTheSourceInImages) {
  Estimator e({.rule = "prior", .values = {{{"prior_images", 3}}}}, source(0, 2));
  e.update(batch(50, 8, 10), 1);
  EXPECT_FLOAT_EQ(e.estimate().layers[0].mean[0], 2);  // p = 3 / (3 + 1)
  EXPECT_FLOAT_EQ(e.estimate().layers[0].variance[0], 4);
  Estimator none({.rule = "prior", .values = {{{"prior_images", 0}}}}, source(0, 2));
  none.update(batch(50, 8, 10), 1);
  EXPECT_FLOAT_EQ(none.estimate().layers[0].mean[0], 8);
}

TEST(EstimatorTest, UbnaDecaysWithBatchAndLayer) {
  const Statistics two{{LayerStatistics{{0}, {1}}, LayerStatistics{{0}, {1}}}};
  Estimator e({.rule = "ubna", .values = {{{"momentum", 0.1}, {"batch_decay", 0.08}, {"layer_decay", 0.03}}}},
              two);
  const Moments one{{LayerMoments{1, {1}, {1}}, LayerMoments{1, {1}, {1}}}};
  e.update(one, 1);
  const double first = 0.1 * std::exp(-0.03);
  EXPECT_NEAR(e.estimate().layers[0].mean[0], first, 1e-7);
  EXPECT_NEAR(e.estimate().layers[1].mean[0], 0.1 * std::exp(-0.06), 1e-7);
  e.update(one, 1);
  EXPECT_NEAR(e.estimate().layers[0].mean[0], first + (1 - first) * 0.1 * std::exp(-0.08) * std::exp(-0.03),
              1e-7);
}

TEST(EstimatorTest, AProbeReplacesTheStartingPoint) {
  for (const char* rule : {"ema", "pooled", "ubna"}) {
    Estimator e({.rule = rule}, source(0, 1));
    e.start_from(std::vector<Moments>(3, batch(100, 5, 4)));
    EXPECT_FLOAT_EQ(e.estimate().layers[0].mean[0], 5) << rule;
    EXPECT_FLOAT_EQ(e.estimate().layers[0].variance[0], 4) << rule;
  }
  Estimator prior({.rule = "prior", .values = {{{"prior_images", 1}}}}, source(0, 1));
  prior.start_from(std::vector<Moments>(3, batch(100, 4, 5)));
  EXPECT_FLOAT_EQ(prior.estimate().layers[0].mean[0], 3);
}

TEST(EstimatorTest, ARestoredStateContinuesBitForBit) {
  for (const char* rule : {"ema", "pooled", "prior", "ubna"}) {
    Estimator whole({.rule = rule}, source(0.3F, 1.7F));
    Estimator first({.rule = rule}, source(0.3F, 1.7F));
    whole.start_from(std::vector<Moments>(2, batch(7, 0.123, 3.3)));
    first.start_from(std::vector<Moments>(2, batch(7, 0.123, 3.3)));
    whole.update(batch(13, 1.1, 0.7), 1);
    first.update(batch(13, 1.1, 0.7), 1);
    Estimator second({.rule = rule}, source(0.3F, 1.7F));
    second.restore(first.state());
    whole.update(batch(17, -0.4, 2.1), 1);
    second.update(batch(17, -0.4, 2.1), 1);
    EXPECT_EQ(second.state(), whole.state()) << rule;
    EXPECT_EQ(second.estimate(), whole.estimate()) << rule;
  }
}

TEST(EstimatorTest, EveryParameterOfEveryRuleIsCheckedAgainstItsRange) {
  for (const EstimatorRule* rule : estimator_rules()) {
    EXPECT_EQ(&estimator_rule(rule->name), rule);
    for (const EstimatorParameter& parameter : rule->parameters) {
      const auto with = [&](double value) {
        return Estimator({.rule = rule->name, .values = {{{parameter.name, value}}}}, source(0, 1));
      };
      EXPECT_TRUE(parameter.allows(parameter.usual)) << rule->name << ", " << parameter.name;
      EXPECT_NO_THROW(with(parameter.usual));
      const double below = parameter.may_be_lowest ? parameter.lowest - 0.1 : parameter.lowest;
      try {
        with(below);
        ADD_FAILURE() << rule->name << ", " << parameter.name << " is not checked";
      } catch (const std::invalid_argument& e) {
        EXPECT_NE(std::string(e.what()).find(parameter.range()), std::string::npos) << e.what();
        EXPECT_NE(std::string(e.what()).find(parameter.name), std::string::npos) << e.what();
      }
      EXPECT_THROW(with(std::nan("")), std::invalid_argument);
    }
  }
}

TEST(EstimatorTest, RefusesOptionsOutsideTheirRange) {
  EXPECT_THROW(Estimator({.rule = "ema", .values = {{{"momentum", 0}}}}, source(0, 1)),
               std::invalid_argument);
  EXPECT_THROW(Estimator({.rule = "ema", .values = {{{"momentum", 1.1}}}}, source(0, 1)),
               std::invalid_argument);
  constexpr double infinite = std::numeric_limits<double>::infinity();
  EXPECT_THROW(Estimator({.rule = "prior", .values = {{{"prior_images", infinite}}}}, source(0, 1)),
               std::invalid_argument);
  EXPECT_THROW(Estimator({.rule = "ubna", .values = {{{"batch_decay", infinite}}}}, source(0, 1)),
               std::invalid_argument);
  EXPECT_THROW(Estimator({.rule = "ubna", .values = {{{"layer_decay", infinite}}}}, source(0, 1)),
               std::invalid_argument);
  EXPECT_THROW(Estimator({.rule = "prior", .values = {{{"prior_images", -1}}}}, source(0, 1)),
               std::invalid_argument);
  EXPECT_THROW(Estimator({.rule = "ubna", .values = {{{"layer_decay", -0.1}}}}, source(0, 1)),
               std::invalid_argument);
  EXPECT_THROW(Estimator({.rule = "emma"}, source(0, 1)), std::invalid_argument);
  EXPECT_THROW(Estimator({.rule = "ema", .values = {{{"prior_images", 1}}}}, source(0, 1)),
               std::invalid_argument);
  Estimator e({}, source(0, 1));
  EXPECT_THROW(e.update(Moments{}, 1), std::invalid_argument);
}

}  // namespace
}  // namespace fibflow::model
