#pragma once

#include <cstddef>
#include <vector>

namespace fibflow::model {

/// A normal distribution in d dimensions.
struct Gaussian {
  std::vector<double> mean;        ///< [d]
  std::vector<double> covariance;  ///< [d, d], symmetric, no negative eigenvalue
};

/// The squared 2-Wasserstein distance between two Gaussians (Olkin and Pukelsheim 1982),
///
///     ‖μa - μb‖² + tr(Σa + Σb - 2 (Σb^½ Σa Σb^½)^½)
///
/// Symmetric. All functions here take O(d³) time: they are meant for a few dozen dimensions at most. They throw
/// std::invalid_argument if sizes differ, a matrix is not symmetric, has a negative eigenvalue beyond rounding
/// (1e-10 of its largest) or a number is not finite. Thread-safe.
double squared_wasserstein(const Gaussian& a, const Gaussian& b);

/// The same after whitening by the truth, x → Σ^-½ (x - μ): the form with full covariances of what Drift
/// (model/statistics/drift.h) measures channel by channel, and equal to its sum where both covariances are diagonal. With λ
/// the eigenvalues of Σ^-½ Σ̂ Σ^-½ it is
///
///     (μ - μ̂)ᵀ Σ⁻¹ (μ - μ̂) + sum of (1 - √λ)²
///
/// In directions in which the truth does not vary, the estimate is at distance 0 if it does not vary either and
/// has the same mean there, and infinitely far otherwise.
double normalized_squared_wasserstein(const Gaussian& estimated, const Gaussian& truth);

/// Eigenvalues, smallest first, and their vectors: matrix = vectorsᵀ diag(values) vectors.
struct EigenSystem {
  std::vector<double> values;   ///< [d]
  std::vector<double> vectors;  ///< [d, d], one orthonormal vector in each row
};

/// Of a symmetric matrix [d, d], by Jacobi's rotations (Golub and Van Loan, Matrix Computations, 8.5).
EigenSystem eigen_of(const std::vector<double>& symmetric);

}  // namespace fibflow::model
