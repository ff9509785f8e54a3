#include "model/statistics/gaussian_distance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>
#include <stdexcept>
#include <vector>

#include "model/statistics/drift.h"

namespace fibflow::model {
namespace {

using Point = std::array<double, 2>;

/// The cheapest way to pair n points with n others at squared distance, divided by n: the optimal transport
/// between two sets of equal masses. The Hungarian method with potentials, row by row, in O(n³) time
/// (Kuhn 1955; Jonker and Volgenant 1987).
double cheapest_pairing(const std::vector<Point>& from, const std::vector<Point>& to) {
  const std::size_t n = from.size();
  const auto cost = [&](std::size_t i, std::size_t j) {
    const double x = from[i][0] - to[j][0];
    const double y = from[i][1] - to[j][1];
    return x * x + y * y;
  };
  const std::size_t nobody = n;
  std::vector<double> of_row(n + 1), of_column(n + 1);  // potentials
  std::vector<std::size_t> row_of(n + 1, nobody);       // of a column; column n holds the row to be placed
  for (std::size_t row = 0; row < n; ++row) {
    row_of[n] = row;
    std::size_t column = n;
    std::vector<double> slack(n + 1, std::numeric_limits<double>::infinity());
    std::vector<std::size_t> before(n + 1, n);
    std::vector<bool> reached(n + 1);
    do {
      reached[column] = true;
      const std::size_t i = row_of[column];
      double least = std::numeric_limits<double>::infinity();
      std::size_t next = n;
      for (std::size_t j = 0; j < n; ++j) {
        if (reached[j]) continue;
        const double reduced = cost(i, j) - of_row[i] - of_column[j];
        if (reduced < slack[j]) {
          slack[j] = reduced;
          before[j] = column;
        }
        if (slack[j] < least) {
          least = slack[j];
          next = j;
        }
      }
      for (std::size_t j = 0; j <= n; ++j) {
        if (reached[j]) {
          of_row[row_of[j]] += least;
          of_column[j] -= least;
        } else {
          slack[j] -= least;
        }
      }
      column = next;
    } while (row_of[column] != nobody);
    for (; column != n; column = before[column]) row_of[column] = row_of[before[column]];
  }
  double sum = 0;
  for (std::size_t j = 0; j < n; ++j) sum += cost(row_of[j], j);
  return sum / static_cast<double>(n);
}

/// The standard normal distribution of the plane, cut into cells of equal mass, each moved to its centre of mass:
/// a disc, and rings of 6, 12, 18, … cells around it.
struct Cells {
  std::vector<Point> centres;
  double blur = 0;  ///< the mean squared distance to the centre, in each of the two directions
};

Cells cells(int rings) {
  const int count = 1 + 3 * rings * (rings + 1);
  const auto radius = [](double share) { return share < 1 ? std::sqrt(-2 * std::log1p(-share)) : 12.0; };
  Cells result;
  double inside = 0;
  double square = 0;
  for (int ring = 0; ring <= rings; ++ring) {
    const int sectors = ring == 0 ? 1 : 6 * ring;
    const double mass = static_cast<double>(sectors) / count;
    const double r0 = radius(inside);
    const double r1 = radius(ring == rings ? 1 : inside + mass);
    double mean_radius = 0;  // the integral of r times the density r exp(-r²/2)
    constexpr int steps = 4000;
    for (int i = 0; i < steps; ++i) {
      const double r = r0 + (r1 - r0) * (i + 0.5) / steps;
      mean_radius += r * r * std::exp(-r * r / 2) * (r1 - r0) / steps / mass;
    }
    const double half = std::numbers::pi / sectors;
    const double centre = ring == 0 ? 0 : mean_radius * std::sin(half) / half;
    for (int s = 0; s < sectors; ++s) {
      const double angle = 2 * std::numbers::pi * (s + 0.5 * (ring % 2)) / sectors;
      result.centres.push_back({centre * std::cos(angle), centre * std::sin(angle)});
    }
    square += mass * centre * centre;
    inside += mass;
  }
  result.blur = 1 - square / 2;
  return result;
}

/// A Gaussian of the plane as the image of the standard one: mean + root · x.
struct Image {
  Point mean;
  std::array<double, 4> root;

  Gaussian gaussian() const {
    const auto& [a, b, c, d] = root;
    return {{mean[0], mean[1]}, {a * a + b * b, a * c + b * d, a * c + b * d, c * c + d * d}};
  }
  double trace() const {
    const Gaussian g = gaussian();
    return g.covariance[0] + g.covariance[3];
  }
  std::vector<Point> of(const std::vector<Point>& points) const {
    std::vector<Point> image;
    for (const auto& [x, y] : points)
      image.push_back({mean[0] + root[0] * x + root[1] * y, mean[1] + root[2] * x + root[3] * y});
    return image;
  }
  /// This one, seen by somebody for whom `truth` is the standard one.
  Image whitened(const Image& truth) const {
    const auto& [a, b, c, d] = truth.root;
    const double det = a * d - b * c;
    const std::array<double, 4> inverse{d / det, -b / det, -c / det, a / det};
    const auto apply = [&](double x, double y) {
      return Point{inverse[0] * x + inverse[1] * y, inverse[2] * x + inverse[3] * y};
    };
    const Point first = apply(root[0], root[2]);
    const Point second = apply(root[1], root[3]);
    return {apply(mean[0] - truth.mean[0], mean[1] - truth.mean[1]),
            {first[0], second[0], first[1], second[1]}};
  }
};

const Image standard{{0, 0}, {1, 0, 0, 1}};

/// Pairs of Gaussians, most of them with axes that do not agree: what a distance channel by channel overlooks.
const std::vector<std::pair<Image, Image>> pairs{
    {standard, standard},
    {{{3, -1}, {1, 0, 0, 1}}, standard},
    {{{0, 0}, {2.5, 0, 0, 0.4}}, standard},
    {{{0.5, 0}, {2, 0, 1.8, 0.3}}, {{-0.5, 1}, {2, 0, -1.8, 0.3}}},
    {{{0.5, 0}, {2, 0, 1.8, 0.3}}, {{0, 0.5}, {1, 0, 0, 0.8}}},
    {{{0, 1}, {0.7, -0.7, 1.4, 1.4}}, {{0, 0}, {0.7, 0.7, -2.1, 2.1}}},
};

/// The distance between the cells of both, against the exact one. How far they may differ: no coupling of the
/// cells is better than one of what is in them, so that the cells' squared distance lacks at most what was lost by
/// moving mass to the centres, blur * trace of each; and with 397 cells, the numerical error is below 1 % of the
/// distance here (91 cells: 3 %).
void expect_transport(const Image& a, const Image& b, double closed) {
  const Cells standard_cells = cells(11);
  const double numerical = cheapest_pairing(a.of(standard_cells.centres), b.of(standard_cells.centres));
  EXPECT_GE(numerical + standard_cells.blur * (a.trace() + b.trace()), closed);
  EXPECT_NEAR(std::sqrt(numerical), std::sqrt(closed), 0.015 * std::sqrt(closed) + 1e-6);
}

TEST(GaussianDistanceTest, IsTheOptimalTransportBetweenCellsOfBoth) {
  for (const auto& [a, b] : pairs) expect_transport(a, b, squared_wasserstein(a.gaussian(), b.gaussian()));
}

TEST(GaussianDistanceTest, NormalizedIsTheOptimalTransportInTheTruthsOwnMeasure) {
  for (const auto& [estimated, truth] : pairs) {
    expect_transport(estimated.whitened(truth), standard,
                     normalized_squared_wasserstein(estimated.gaussian(), truth.gaussian()));
  }
}

TEST(GaussianDistanceTest, OfDiagonalCovariancesIsTheSumOverChannels) {
  const Statistics estimated{{{{0.5F, -1, 2}, {1, 4, 0.25F}}}};
  const Statistics truth{{{{0, 1, 2.5F}, {2, 1, 9}}}};
  const auto gaussian = [](const LayerStatistics& layer) {
    Gaussian g{{layer.mean.begin(), layer.mean.end()}, std::vector<double>(9)};
    for (std::size_t i = 0; i < 3; ++i) g.covariance[4 * i] = layer.variance[i];
    return g;
  };
  EXPECT_NEAR(normalized_squared_wasserstein(gaussian(estimated.layers[0]), gaussian(truth.layers[0])),
              drift(estimated, truth).total, 1e-12);
}

/// A Gaussian of d dimensions with a covariance of full rank.
Gaussian random_gaussian(std::size_t d, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  Gaussian g{std::vector<double>(d), std::vector<double>(d * d)};
  for (double& m : g.mean) m = normal(random);
  std::vector<double> root(d * d);
  for (double& r : root) r = normal(random);
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t j = 0; j < d; ++j) {
      for (std::size_t k = 0; k < d; ++k) g.covariance[i * d + j] += root[i * d + k] * root[j * d + k];
    }
  }
  return g;
}

TEST(GaussianDistanceTest, IsSymmetricButTheNormalizedFormIsNot) {
  const Gaussian a = random_gaussian(5, 1);
  const Gaussian b = random_gaussian(5, 2);
  EXPECT_NEAR(squared_wasserstein(a, b), squared_wasserstein(b, a), 1e-9);
  EXPECT_GT(std::abs(normalized_squared_wasserstein(a, b) - normalized_squared_wasserstein(b, a)), 0.1);
  EXPECT_NEAR(squared_wasserstein(a, a), 0, 1e-9);
  EXPECT_NEAR(normalized_squared_wasserstein(a, a), 0, 1e-9);
}

TEST(GaussianDistanceTest, NormalizedDoesNotDependOnTheUnitsOrAxesOfTheData) {
  const Gaussian a = random_gaussian(3, 3);
  const Gaussian b = random_gaussian(3, 4);
  const std::vector<double> map{2, 1, 0, 0, 0.5, -3, 1, 0, 1};
  const auto mapped = [&](const Gaussian& g) {
    Gaussian result{std::vector<double>(3), std::vector<double>(9)};
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < 3; ++j) {
        result.mean[i] += map[3 * i + j] * g.mean[j];
        for (std::size_t k = 0; k < 9; ++k)
          result.covariance[3 * i + j] += map[3 * i + k / 3] * g.covariance[k] * map[3 * j + k % 3];
      }
    }
    return result;
  };
  EXPECT_NEAR(normalized_squared_wasserstein(mapped(a), mapped(b)), normalized_squared_wasserstein(a, b),
              1e-8);
  EXPECT_GT(std::abs(squared_wasserstein(mapped(a), mapped(b)) - squared_wasserstein(a, b)), 0.1);
}

TEST(GaussianDistanceTest, WhereTheTruthDoesNotVaryOnlyTheSameIsNear) {
  const double infinity = std::numeric_limits<double>::infinity();
  // It varies along (1, 1) only.
  const Gaussian truth{{1, 2}, {2, 2, 2, 2}};
  EXPECT_NEAR(normalized_squared_wasserstein({{1, 2}, {8, 8, 8, 8}}, truth), 1, 1e-9);
  EXPECT_NEAR(normalized_squared_wasserstein({{3, 4}, {2, 2, 2, 2}}, truth), 2, 1e-9);
  EXPECT_EQ(normalized_squared_wasserstein({{1, 3}, {2, 2, 2, 2}}, truth), infinity);
  EXPECT_EQ(normalized_squared_wasserstein({{1, 2}, {2, 1, 1, 2}}, truth), infinity);
  EXPECT_NEAR(squared_wasserstein({{1, 2}, {8, 8, 8, 8}}, truth), 4, 1e-9);
}

TEST(GaussianDistanceTest, RefusesWhatIsNoGaussian) {
  const Gaussian good{{0, 0}, {1, 0, 0, 1}};
  for (const Gaussian& bad :
       {Gaussian{{0}, {1}}, Gaussian{{0, 0}, {1, 0, 1}}, Gaussian{{0, 0}, {1, 0.5, -0.5, 1}},
        Gaussian{{0, 0}, {1, 2, 2, 1}}, Gaussian{{0, std::nan("")}, {1, 0, 0, 1}},
        Gaussian{{0, 0}, {1, 0, 0, std::numeric_limits<double>::infinity()}}}) {
    EXPECT_THROW(squared_wasserstein(bad, good), std::invalid_argument);
    EXPECT_THROW(normalized_squared_wasserstein(bad, good), std::invalid_argument);
    EXPECT_THROW(normalized_squared_wasserstein(good, bad), std::invalid_argument);
  }
}

TEST(EigenTest, PutsAMatrixTogetherAgain) {
  for (const std::size_t d : {1, 2, 3, 8, 30}) {
    const std::vector<double> m = random_gaussian(d, 7).covariance;
    const EigenSystem eigen = eigen_of(m);
    EXPECT_TRUE(std::is_sorted(eigen.values.begin(), eigen.values.end()));
    for (std::size_t i = 0; i < d; ++i) {
      for (std::size_t j = 0; j < d; ++j) {
        double again = 0;
        double dot = 0;
        for (std::size_t k = 0; k < d; ++k) {
          again += eigen.vectors[k * d + i] * eigen.values[k] * eigen.vectors[k * d + j];
          dot += eigen.vectors[i * d + k] * eigen.vectors[j * d + k];
        }
        EXPECT_NEAR(again, m[i * d + j], 1e-12 * static_cast<double>(d) * eigen.values.back());
        EXPECT_NEAR(dot, i == j ? 1 : 0, 1e-13 * static_cast<double>(d));
      }
    }
  }
  EXPECT_TRUE(eigen_of({}).values.empty());
  EXPECT_EQ(eigen_of({3, 0, 0, 1}).values, (std::vector<double>{1, 3}));
}

}  // namespace
}  // namespace fibflow::model
