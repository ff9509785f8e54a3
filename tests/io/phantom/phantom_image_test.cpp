#include "io/phantom/phantom.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "tests/io/phantom/phantom_measures.h"

namespace fibflow::io {
namespace {

TEST(PhantomImageTest, FixationsDifferInIntensityAsDocumented) {
  double matrix_over_cytosol[2], contrast[2], cytosol[2];
  for (const Fixation fixation : {Fixation::chemical, Fixation::cryo}) {
    const Phantom phantom(roomy(fixation));
    const Bytes image = bytes_of(phantom.image(64)), labels = bytes_of(phantom.labels(64)),
                compartments = bytes_of(phantom.compartments(64));
    const Bytes inner = eroded(labels, 384, 384, 7);
    const auto in = [&](Compartment kind) {
      return moments_where(image,
                           [&](std::size_t k) { return compartments[k] == static_cast<std::uint8_t>(kind); });
    };
    const auto f = static_cast<std::size_t>(fixation);
    cytosol[f] = in(Compartment::cytosol).mean;
    matrix_over_cytosol[f] =
        moments_where(image, [&](std::size_t k) { return inner[k] != 0; }).mean - cytosol[f];
    contrast[f] = std::sqrt(moments_where(image, [&](std::size_t k) {
                              return compartments[k] != static_cast<std::uint8_t>(Compartment::resin);
                            }).variance);
    // Resin is empty in both: bright, and away from the membrane without any texture.
    Bytes is_resin(compartments.size());
    std::transform(compartments.begin(), compartments.end(), is_resin.begin(), [](std::uint8_t v) {
      return v == static_cast<std::uint8_t>(Compartment::resin) ? 255 : 0;
    });
    const Bytes deep = eroded(is_resin, 384, 384, 6);
    const Moments resin = moments_where(image, [&](std::size_t k) { return deep[k] != 0; });
    EXPECT_GT(resin.mean, cytosol[f] + 20);
    EXPECT_LT(std::sqrt(resin.variance), 2);
  }
  EXPECT_LT(matrix_over_cytosol[0], -40);  // darker than the cytosol
  EXPECT_LT(matrix_over_cytosol[1], -5);   // darker too, but hardly
  EXPECT_GT(matrix_over_cytosol[1], 0.6 * matrix_over_cytosol[0]);
  EXPECT_GT(contrast[0], 1.4 * contrast[1]);
  EXPECT_GT(cytosol[0], cytosol[1] + 25);
}

TEST(PhantomImageTest, ShotNoiseHasAVarianceProportionalToTheGrayLevel) {
  PhantomParameters p = small();
  p.acquisition = no_effects;
  p.content.resin_share = 0.7;
  const Bytes clean = bytes_of(Phantom(p).image(3)), compartments = bytes_of(Phantom(p).compartments(3));
  for (const double strength : {5.0, 15.0}) {
    p.acquisition.shot_noise = strength;
    const Bytes noisy = bytes_of(Phantom(p).image(3));
    double squares = 0, expected = 0, sum = 0, n = 0;
    for (std::size_t k = 0; k < clean.size(); ++k) {
      if (clean[k] < 200) {  // away from saturation
        const double difference = static_cast<double>(noisy[k]) - clean[k];
        sum += difference;
        squares += difference * difference;
        expected += strength * strength * clean[k] / 128;
        n += 1;
      }
    }
    ASSERT_GT(n, 3000);
    EXPECT_NEAR(squares / expected, 1, 0.08);
    EXPECT_NEAR(sum / n, 0, 0.1 * strength);
  }
}

TEST(PhantomImageTest, ShotNoiseIsIndependentBetweenVoxelsAndSlices) {
  PhantomParameters p = small();
  p.acquisition = no_effects;
  const Phantom clean(p);
  p.acquisition.shot_noise = 12;
  const Phantom noisy(p);
  const auto noise_of = [&](std::int64_t z) {
    const Bytes with = bytes_of(noisy.image(z)), without = bytes_of(clean.image(z));
    std::vector<double> noise(with.size());
    for (std::size_t k = 0; k < noise.size(); ++k) {
      noise[k] = static_cast<double>(with[k]) - without[k];
    }
    return noise;
  };
  const std::vector<double> here = noise_of(3), next_slice = noise_of(4);
  const auto correlation = [](const std::vector<double>& a, const std::vector<double>& b, std::size_t shift) {
    double product = 0, squares_a = 0, squares_b = 0;
    for (std::size_t k = shift; k < a.size(); ++k) {
      product += a[k] * b[k - shift];
      squares_a += a[k] * a[k];
      squares_b += b[k - shift] * b[k - shift];
    }
    return product / std::sqrt(squares_a * squares_b);
  };
  EXPECT_LT(std::abs(correlation(here, next_slice, 0)), 0.03);
  for (const std::size_t shift : {1, 2, 200, 201, 256, 512, 1024, 4096}) {
    EXPECT_LT(std::abs(correlation(here, here, shift)), 0.03) << "voxels apart: " << shift;
  }
}

/// The variance of what columns (or rows) are brightened by, on the average.
double variance_of_means(const Bytes& changed, const Bytes& clean, std::size_t width, bool of_columns) {
  const std::size_t height = clean.size() / width;
  std::vector<double> means(of_columns ? width : height, 0.0);
  for (std::size_t k = 0; k < clean.size(); ++k) {
    means[of_columns ? k % width : k / width] +=
        (static_cast<double>(changed[k]) - clean[k]) / static_cast<double>(of_columns ? height : width);
  }
  double sum = 0, squares = 0;
  for (const double m : means) {
    sum += m;
    squares += m * m;
  }
  const auto n = static_cast<double>(means.size());
  return squares / n - sum / n * (sum / n);
}

TEST(PhantomImageTest, CurtainingMakesVerticalStripesThatChangeWithTheSlice) {
  PhantomParameters p = small();
  p.acquisition = no_effects;
  const Bytes clean = bytes_of(Phantom(p).image(3)), clean_later = bytes_of(Phantom(p).image(20));
  p.acquisition.curtaining = 0.05;
  const Bytes striped = bytes_of(Phantom(p).image(3)), striped_later = bytes_of(Phantom(p).image(20));
  const double of_columns = variance_of_means(striped, clean, 200, true);
  EXPECT_GT(of_columns, 4);
  EXPECT_GT(of_columns, 8 * variance_of_means(striped, clean, 200, false));
  // Relative to the brightness, the deviation is of the order asked for.
  double squares = 0, product = 0, squares_later = 0;
  for (std::size_t k = 0; k < clean.size(); ++k) {
    const double here = static_cast<double>(striped[k]) / std::max<double>(clean[k], 1) - 1;
    const double later = static_cast<double>(striped_later[k]) / std::max<double>(clean_later[k], 1) - 1;
    squares += here * here;
    squares_later += later * later;
    product += here * later;
  }
  const double deviation = std::sqrt(squares / static_cast<double>(clean.size()));
  EXPECT_GT(deviation, 0.02);
  EXPECT_LT(deviation, 0.07);
  EXPECT_LT(std::abs(product) / std::sqrt(squares * squares_later), 0.5);
}

TEST(PhantomImageTest, ChargingBrightensTheBorderOfTheResin) {
  PhantomParameters p = small();
  p.height = p.width = 320;
  p.acquisition = no_effects;
  p.content.resin_share = 0.3;
  p.content.lipid_droplets_per_um3 = 0;
  const Bytes clean = bytes_of(Phantom(p).image(3)), compartments = bytes_of(Phantom(p).compartments(3));
  p.acquisition.charging = 30;
  const Bytes charged = bytes_of(Phantom(p).image(3));
  // Mean rise of cell voxels within 8 voxels of resin along a row or a column, and of those farther than 120.
  double near = 0, near_n = 0, away = 0, away_n = 0;
  for (int r = 0; r < 320; ++r) {
    for (int c = 0; c < 320; ++c) {
      const auto resin_within = [&](int reach) {
        for (int d = 0; d <= reach; ++d) {
          for (const auto& [y, x] : {std::pair{r + d, c}, {r - d, c}, {r, c + d}, {r, c - d}}) {
            if (y >= 0 && y < 320 && x >= 0 && x < 320 && compartments[at(y, x, 320)] == 0) {
              return true;
            }
          }
        }
        return false;
      };
      const std::size_t k = at(r, c, 320);
      const double rise = static_cast<double>(charged[k]) - clean[k];
      if (compartments[k] != 0 && clean[k] < 200) {
        if (resin_within(8)) {
          near += rise;
          near_n += 1;
        } else if (!resin_within(120)) {
          away += rise;
          away_n += 1;
        }
      }
    }
  }
  ASSERT_GT(near_n, 300);
  ASSERT_GT(away_n, 300);
  EXPECT_GT(near / near_n, 10);
  EXPECT_LT(near / near_n, 32);
  EXPECT_LT(away / away_n, 0.3 * near / near_n);
  EXPECT_GE(away / away_n, 0);
}

TEST(PhantomImageTest, DriftMovesTheMeanOverZ) {
  PhantomParameters p = small();
  p.depth = 64;
  p.acquisition = no_effects;
  const auto rise = [&](double strength) {
    p.acquisition.drift = strength;
    const Phantom phantom(p);
    return moments(bytes_of(phantom.image(63))).mean - moments(bytes_of(phantom.image(0))).mean;
  };
  const double still = rise(0), moved = rise(30);
  EXPECT_GT(std::abs(moved - still), 10);
  EXPECT_LT(std::abs(moved - still), 70);
}

TEST(PhantomImageTest, DefocusBlurs) {
  PhantomParameters p = small();
  p.acquisition = no_effects;
  const auto sharpness = [&](double strength) {
    p.acquisition.defocus = strength;
    const Bytes image = bytes_of(Phantom(p).image(4));
    double sum = 0;
    for (std::size_t k = 1; k < image.size(); ++k) {
      sum += std::abs(static_cast<double>(image[k]) - image[k - 1]);
    }
    return sum;
  };
  const double sharp = sharpness(0), soft = sharpness(1), softer = sharpness(2.5);
  EXPECT_LT(soft, 0.8 * sharp);
  EXPECT_LT(softer, 0.75 * soft);
}

TEST(PhantomImageTest, JitterMovesImageAndLabelsTogether) {
  PhantomParameters p = small();
  p.acquisition = no_effects;
  p.acquisition.defocus = 0.5;  // the image is then made larger than the labels, and cut
  const Phantom still(p);
  p.acquisition.jitter = 3;
  const Phantom jittered(p);
  using Shift = std::pair<int, int>;
  // The whole-voxel shift that makes two slices most alike.
  const auto shift_between = [](const Bytes& a, const Bytes& b) {
    Shift best;
    double least = std::numeric_limits<double>::max();
    for (int dy = -10; dy <= 10; ++dy) {
      for (int dx = -10; dx <= 10; ++dx) {
        double sum = 0;
        for (int r = 10; r < 150; ++r) {
          for (int c = 10; c < 190; ++c) {
            const double d = static_cast<double>(a[at(r + dy, c + dx, 200)]) - b[at(r, c, 200)];
            sum += d * d;
          }
        }
        if (sum < least) {
          least = sum;
          best = {dy, dx};
        }
      }
    }
    return best;
  };
  int moved = 0;
  for (std::int64_t z = 8; z < 14; ++z) {
    const Shift image = shift_between(bytes_of(still.image(z)), bytes_of(jittered.image(z)));
    const Shift labels = shift_between(bytes_of(still.labels(z)), bytes_of(jittered.labels(z)));
    // A half voxel may be rounded either way.
    EXPECT_LE(std::abs(image.first - labels.first), 1);
    EXPECT_LE(std::abs(image.second - labels.second), 1);
    moved += std::abs(labels.first) + std::abs(labels.second) > 1;
  }
  EXPECT_GE(moved, 3);
}

TEST(PhantomImageTest, LabelsDependOnNoEffectButJitter) {
  PhantomParameters p = small();
  p.acquisition = no_effects;
  const Bytes plain = bytes_of(Phantom(p).labels(12));
  p.acquisition = {
      .shot_noise = 40, .curtaining = 0.2, .charging = 50, .drift = 50, .jitter = 0, .defocus = 3};
  EXPECT_EQ(bytes_of(Phantom(p).labels(12)), plain);
  p.acquisition.jitter = 4;
  EXPECT_NE(bytes_of(Phantom(p).labels(12)), plain);
}

}  // namespace
}  // namespace fibflow::io
