#include "model/statistics/gaussian_distance.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

// Jacobi's method rather than a matrix library: nothing else here needs one, its forty lines are easily checked,
// and for few dimensions no other method is more accurate.

namespace fibflow::model {
namespace {

using Matrix = std::vector<double>;  // [d, d]

constexpr double rounding = 1e-10;

void require(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(what);
}

std::size_t rows_of(const Matrix& m) {
  return static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(m.size()))));
}

double largest_of(const Matrix& m) {
  double largest = 0;
  for (const double v : m) largest = std::max(largest, std::abs(v));
  return largest;
}

Matrix product(const Matrix& a, const Matrix& b, std::size_t d) {
  Matrix c(d * d);
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t k = 0; k < d; ++k) {
      for (std::size_t j = 0; j < d; ++j) c[i * d + j] += a[i * d + k] * b[k * d + j];
    }
  }
  return c;
}

/// Rotates rows and columns p and q of m so that m[p, q] becomes 0, and the rows of the vectors with them.
void rotate(Matrix& m, Matrix& vectors, std::size_t d, std::size_t p, std::size_t q) {
  const double off = m[p * d + q];
  if (off == 0) return;
  const double theta = (m[q * d + q] - m[p * d + p]) / (2 * off);
  const double t = std::copysign(1 / (std::abs(theta) + std::hypot(theta, 1)), theta);
  const double c = 1 / std::hypot(t, 1);
  const double s = t * c;
  const auto turn = [c, s](double& a, double& b) {
    const double old = a;
    a = c * old - s * b;
    b = s * old + c * b;
  };
  for (std::size_t k = 0; k < d; ++k) turn(m[k * d + p], m[k * d + q]);
  for (std::size_t k = 0; k < d; ++k) turn(m[p * d + k], m[q * d + k]);
  for (std::size_t k = 0; k < d; ++k) turn(vectors[p * d + k], vectors[q * d + k]);
}

double square_of_off_diagonal(const Matrix& m, std::size_t d) {
  double sum = 0;
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t j = 0; j < d; ++j) sum += i == j ? 0 : m[i * d + j] * m[i * d + j];
  }
  return sum;
}

/// Eigenvalues of a covariance, with what rounding made negative set to 0.
EigenSystem eigen_of_covariance(const Matrix& covariance) {
  EigenSystem eigen = eigen_of(covariance);
  const double tolerance = rounding * largest_of(eigen.values);
  for (double& value : eigen.values) {
    require(value >= -tolerance, "a covariance with a negative eigenvalue belongs to no Gaussian");
    value = std::max(value, 0.0);
  }
  return eigen;
}

/// vectorsᵀ diag(f(values)) vectors.
template <typename Function>
Matrix recomposed(const EigenSystem& eigen, Function f) {
  const std::size_t d = eigen.values.size();
  Matrix m(d * d);
  for (std::size_t k = 0; k < d; ++k) {
    const double value = f(eigen.values[k]);
    for (std::size_t i = 0; i < d; ++i) {
      for (std::size_t j = 0; j < d; ++j)
        m[i * d + j] += value * eigen.vectors[k * d + i] * eigen.vectors[k * d + j];
    }
  }
  return m;
}

/// The same matrix in the basis of these vectors.
Matrix in_basis(const Matrix& m, const Matrix& vectors, std::size_t d) {
  Matrix columns(d * d);
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t j = 0; j < d; ++j) columns[j * d + i] = vectors[i * d + j];
  }
  return product(product(vectors, m, d), columns, d);
}

void check(const Gaussian& a, const Gaussian& b) {
  for (const Gaussian* g : {&a, &b}) {
    require(g->covariance.size() == g->mean.size() * g->mean.size(),
            "a Gaussian's covariance has another size than its mean");
    require(std::all_of(g->mean.begin(), g->mean.end(), [](double v) { return std::isfinite(v); }),
            "a Gaussian's mean is not finite");
  }
  require(a.mean.size() == b.mean.size(), "the Gaussians have different numbers of dimensions");
}

}  // namespace

EigenSystem eigen_of(const std::vector<double>& symmetric) {
  const std::size_t d = rows_of(symmetric);
  require(d * d == symmetric.size(), "the matrix is not square");
  Matrix m = symmetric;
  const double largest = largest_of(m);
  require(std::all_of(m.begin(), m.end(), [](double v) { return std::isfinite(v); }),
          "the matrix is not finite");
  EigenSystem eigen{std::vector<double>(d), Matrix(d * d)};
  for (std::size_t i = 0; i < d; ++i) {
    eigen.vectors[i * d + i] = 1;
    for (std::size_t j = 0; j < d; ++j)
      require(std::abs(m[i * d + j] - m[j * d + i]) <= rounding * largest, "the matrix is not symmetric");
  }
  // Sweeps converge quadratically: a dozen are more than any matrix needs.
  const double enough = 1e-30 * largest * largest;
  for (int sweep = 0; sweep < 50 && square_of_off_diagonal(m, d) > enough; ++sweep) {
    for (std::size_t p = 0; p + 1 < d; ++p) {
      for (std::size_t q = p + 1; q < d; ++q) rotate(m, eigen.vectors, d, p, q);
    }
  }
  std::vector<std::size_t> order(d);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return m[a * d + a] < m[b * d + b]; });
  const Matrix unordered = eigen.vectors;
  for (std::size_t k = 0; k < d; ++k) {
    eigen.values[k] = m[order[k] * d + order[k]];
    std::copy_n(unordered.begin() + static_cast<std::ptrdiff_t>(order[k] * d), d,
                eigen.vectors.begin() + static_cast<std::ptrdiff_t>(k * d));
  }
  return eigen;
}

double squared_wasserstein(const Gaussian& a, const Gaussian& b) {
  check(a, b);
  const std::size_t d = a.mean.size();
  const EigenSystem of_a = eigen_of_covariance(a.covariance);
  const EigenSystem of_b = eigen_of_covariance(b.covariance);
  const Matrix root = recomposed(of_b, [](double v) { return std::sqrt(v); });
  Matrix between = product(product(root, a.covariance, d), root, d);
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t j = 0; j < i; ++j)
      between[i * d + j] = between[j * d + i] = (between[i * d + j] + between[j * d + i]) / 2;
  }
  double sum = 0;
  for (std::size_t k = 0; k < d; ++k) {
    const double offset = a.mean[k] - b.mean[k];
    sum += offset * offset + of_a.values[k] + of_b.values[k];
  }
  for (const double value : eigen_of_covariance(between).values) sum -= 2 * std::sqrt(value);
  return std::max(sum, 0.0);
}

double normalized_squared_wasserstein(const Gaussian& estimated, const Gaussian& truth) {
  check(estimated, truth);
  const std::size_t d = truth.mean.size();
  eigen_of_covariance(estimated.covariance);  // throws if it is none
  const EigenSystem axes = eigen_of_covariance(truth.covariance);
  // In the truth's own axes whitening is a scaling of each; the distance does not mind the rotation.
  Matrix covariance = in_basis(estimated.covariance, axes.vectors, d);
  const double flat = rounding * (axes.values.empty() ? 0 : axes.values.back());
  const double flat_estimate = rounding * largest_of(covariance);
  double sum = 0;
  std::vector<std::size_t> varying;
  for (std::size_t k = 0; k < d; ++k) {
    double offset = 0;
    double scale = 0;
    for (std::size_t j = 0; j < d; ++j) {
      offset += axes.vectors[k * d + j] * (truth.mean[j] - estimated.mean[j]);
      scale = std::max({scale, std::abs(truth.mean[j]), std::abs(estimated.mean[j])});
    }
    if (axes.values[k] > flat) {
      sum += offset * offset / axes.values[k];
      varying.push_back(k);
    } else if (covariance[k * d + k] > flat_estimate || std::abs(offset) > rounding * scale) {
      return std::numeric_limits<double>::infinity();
    }
  }
  const std::size_t n = varying.size();
  Matrix whitened(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      const double by = std::sqrt(axes.values[varying[i]]) * std::sqrt(axes.values[varying[j]]);
      whitened[i * n + j] = whitened[j * n + i] = covariance[varying[i] * d + varying[j]] / by;
    }
  }
  for (const double value : eigen_of(whitened).values) {
    // What rounding made negative: the estimate was checked above.
    const double spread = 1 - std::sqrt(std::max(value, 0.0));
    sum += spread * spread;
  }
  return sum;
}

}  // namespace fibflow::model
