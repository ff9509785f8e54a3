#include "nodes/intensity/feature_finder.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace fibflow::nodes {
namespace {

constexpr int side = FeatureFinder::block;
constexpr int fine = 2;                         // side of the means that show the noise, in pixels
constexpr int coarse = 8;                       // side of those that show texture
constexpr int fine_in_block = side / fine;      // per side
constexpr int coarse_in_block = side / coarse;  // per side
constexpr int window = 3;                       // side in blocks

/// Sums over squares of pixels, block by block.
class Sums {
 public:
  explicit Sums(const io::Slice& slice)
      : rows_(slice.height() / side),
        columns_(slice.width() / side),
        noise_(size(1)),
        coarse_(size(coarse_in_block * coarse_in_block)) {
    switch (slice.type()) {
      case io::PixelType::u8:
        take(slice.as<std::uint8_t>(), slice.width());
        break;
      case io::PixelType::u16:
        take(slice.as<std::uint16_t>(), slice.width());
        break;
      case io::PixelType::f32:
        take(slice.as<float>(), slice.width());
        break;
    }
  }

  int rows() const { return rows_; }  ///< whole blocks
  int columns() const { return columns_; }

  /// R of the window around a block; infinite where there is no noise to compare with but something else.
  double ratio(int row, int column) const {
    double noise = 0;
    for (int r = row - 1; r <= row + 1; ++r) {
      for (int c = column - 1; c <= column + 1; ++c)
        noise += noise_[static_cast<std::size_t>(r) * static_cast<std::size_t>(columns_) +
                        static_cast<std::size_t>(c)];
    }
    const double texture = interaction((row - 1) * coarse_in_block, (column - 1) * coarse_in_block);
    constexpr int quarter = (fine_in_block / 2) * (fine_in_block / 2);
    constexpr double differences = window * window * quarter;
    // Of white noise with variance 1, the sums over 8 x 8 pixels have the variance 64, and the differences of
    // differences of the sums over 2 x 2 pixels 16.
    const double scaled = noise / differences * 4;
    if (scaled > 0) return texture / scaled;
    return texture > 0 ? std::numeric_limits<double>::infinity() : 0;
  }

 private:
  std::size_t size(int per_block) const {
    return static_cast<std::size_t>(rows_) * static_cast<std::size_t>(columns_) *
           static_cast<std::size_t>(per_block);
  }

  template <typename T>
  void take(std::span<const T> voxels, int width) {
    const auto cells = static_cast<std::size_t>(columns_) * fine_in_block;
    const auto per_row = static_cast<std::size_t>(columns_) * coarse_in_block;
    // Away from 0, floats would lose the digits that tell a constant area from noise.
    const double level = voxels.empty() ? 0 : static_cast<double>(voxels.front());
    std::vector<double> upper(cells);
    std::vector<double> lower(cells);
    const auto sum_pairs = [&](int y, std::vector<double>& sums) {
      const T* a = voxels.data() + static_cast<std::ptrdiff_t>(y) * width;
      const T* b = a + width;
      for (std::size_t i = 0; i < cells; ++i) {
        sums[i] = (static_cast<double>(a[2 * i]) - level) + (static_cast<double>(a[2 * i + 1]) - level) +
                  (static_cast<double>(b[2 * i]) - level) + (static_cast<double>(b[2 * i + 1]) - level);
      }
    };
    for (int y = 0; y < rows_ * side; y += 2 * fine) {
      sum_pairs(y, upper);
      sum_pairs(y + fine, lower);
      double* noise = noise_.data() + static_cast<std::ptrdiff_t>(y / side) * columns_;
      double* coarse_sums = coarse_.data() + static_cast<std::size_t>(y / coarse) * per_row;
      for (std::size_t i = 0; i < cells; i += 2) {
        const double difference = (upper[i] - upper[i + 1]) - (lower[i] - lower[i + 1]);
        noise[i / fine_in_block] += difference * difference;
        coarse_sums[i / (coarse / fine)] += upper[i] + upper[i + 1] + lower[i] + lower[i + 1];
      }
    }
  }

  /// Variance of a window's sums over 8 x 8 pixels without what their rows and columns have in common.
  double interaction(int first_row, int first_column) const {
    constexpr int n = window * coarse_in_block;
    double value[n][n];
    double of_row[n] = {};
    double of_column[n] = {};
    double mean = 0;
    const auto per_row = static_cast<std::size_t>(columns_) * coarse_in_block;
    const double* corner = coarse_.data() + static_cast<std::size_t>(first_row) * per_row +
                           static_cast<std::size_t>(first_column);
    for (std::size_t r = 0; r < n; ++r) {
      for (std::size_t c = 0; c < n; ++c) {
        value[r][c] = corner[r * per_row + c] - corner[0];
        of_row[r] += value[r][c] / n;
        of_column[c] += value[r][c] / n;
        mean += value[r][c] / (n * n);
      }
    }
    double squares = 0;
    for (std::size_t r = 0; r < n; ++r) {
      for (std::size_t c = 0; c < n; ++c) {
        const double rest = value[r][c] - of_row[r] - of_column[c] + mean;
        squares += rest * rest;
      }
    }
    return squares / ((n - 1) * (n - 1));
  }

  int rows_;
  int columns_;
  std::vector<double> noise_;   // [rows, columns]: squares of differences of differences
  std::vector<double> coarse_;  // [rows * 2, columns * 2]
};

/// T for these ratios.
double threshold(std::vector<double> ratios) {
  constexpr double most_textured = 0.98;
  const auto rank =
      ratios.begin() + static_cast<std::ptrdiff_t>(most_textured * static_cast<double>(ratios.size() - 1));
  std::ranges::nth_element(ratios, rank);
  return std::clamp(std::sqrt(std::sqrt(*rank)), 2.0, 4.0);
}

}  // namespace

FeatureFinder::Output FeatureFinder::operator()(const Input& slice) const {
  const Sums sums(slice);
  const int grid_rows = (slice.height() + block - 1) / block;
  const int grid_columns = (slice.width() + block - 1) / block;
  std::vector<std::uint8_t> counts(
      static_cast<std::size_t>(grid_rows) * static_cast<std::size_t>(grid_columns), 1);
  if (sums.rows() < window || sums.columns() < window)
    return {slice.height(), slice.width(), block, std::move(counts)};

  std::vector<double> ratios;
  for (int r = 1; r + 1 < sums.rows(); ++r) {
    for (int c = 1; c + 1 < sums.columns(); ++c) ratios.push_back(sums.ratio(r, c));
  }
  const double limit = threshold(ratios);
  // A block that is not whole goes with the one beside it.
  const auto end = [](int block_index, int whole, int all) {
    return block_index == whole - 1 ? all : block_index + 1;
  };
  auto ratio = ratios.begin();
  for (int r = 1; r + 1 < sums.rows(); ++r) {
    for (int c = 1; c + 1 < sums.columns(); ++c) {
      if (*ratio++ > limit) continue;
      const int last_column = end(c + 1, sums.columns(), grid_columns);
      for (int y = r - 1; y < end(r + 1, sums.rows(), grid_rows); ++y) {
        const auto row = counts.begin() + static_cast<std::ptrdiff_t>(y) * grid_columns;
        std::fill(row + (c - 1), row + last_column, std::uint8_t{0});
      }
    }
  }
  constexpr std::ptrdiff_t by_chance = 64;
  if (std::ranges::count(counts, 1) * by_chance <= std::ssize(counts))
    std::ranges::fill(counts, std::uint8_t{0});
  return {slice.height(), slice.width(), block, std::move(counts)};
}

}  // namespace fibflow::nodes
