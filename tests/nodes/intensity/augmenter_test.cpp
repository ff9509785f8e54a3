#include "nodes/intensity/augmenter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>
#include <set>
#include <stdexcept>
#include <vector>

namespace fibflow::nodes {
namespace {

constexpr int kSide = 48;
constexpr std::size_t kPixels = std::size_t{kSide} * kSide;

io::Slice slice_of(int height, int width, const std::function<int(int, int)>& voxel) {
  const std::size_t n = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  std::shared_ptr<std::byte[]> voxels(new std::byte[n]);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x)
      voxels[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)] =
          static_cast<std::byte>(voxel(y, x));
  }
  return {0, height, width, io::PixelType::u8, voxels};
}

int noise_at(int y, int x) {
  return static_cast<int>((static_cast<unsigned>(y) * 7919U + static_cast<unsigned>(x) * 104729U) % 251U);
}

/// A disc on dark ground, and its label.
int disc_at(int y, int x) {
  return (y - 90) * (y - 90) + (x - 110) * (x - 110) < 34 * 34 ? 1 : 0;
}

struct Patch {
  std::vector<float> image = std::vector<float>(kPixels);
  std::vector<std::uint8_t> labels = std::vector<std::uint8_t>(kPixels);
  bool operator==(const Patch&) const = default;
};

Patch cut(const Augmentation& augmentation, const io::Slice& image, const io::Slice& labels,
          const PatchPlace& place) {
  Patch patch;
  Augmenter(augmentation, kSide, kSide)(image, Affine{1, 0}, labels, place, patch.image, patch.labels);
  return patch;
}

class AugmenterTest : public testing::Test {
 protected:
  io::Slice image_ = slice_of(200, 220, noise_at);
  io::Slice labels_ = slice_of(200, 220, [](int y, int x) { return noise_at(y, x) % 3; });
};

TEST_F(AugmenterTest, CopiesThePatchWhenNothingIsVaried) {
  const Patch patch = cut(Augmentation::none(), image_, labels_, {10, 20, 1, 2, 3});
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      const auto i = static_cast<std::size_t>(y * kSide + x);
      ASSERT_EQ(patch.image[i], static_cast<float>(noise_at(10 + y, 20 + x)));
      ASSERT_EQ(patch.labels[i], noise_at(10 + y, 20 + x) % 3);
    }
  }
}

TEST_F(AugmenterTest, MirrorsWhatSticksOutOfTheSlice) {
  const Patch patch = cut(Augmentation::none(), image_, labels_, {-5, 220 - kSide + 4, 1, 0, 0});
  EXPECT_EQ(patch.image[0], static_cast<float>(noise_at(5, 220 - kSide + 4)));
  EXPECT_EQ(patch.image[std::size_t{6} * kSide - 1], static_cast<float>(noise_at(0, 218 - 3)));
}

TEST_F(AugmenterTest, AppliesTheNormalization) {
  Patch patch;
  Augmenter(Augmentation::none(), kSide, kSide)(image_, Affine{0.5, -3}, labels_, {0, 0, 0, 0, 0},
                                                patch.image, patch.labels);
  EXPECT_FLOAT_EQ(patch.image[7], 0.5F * static_cast<float>(noise_at(0, 7)) - 3);
}

TEST_F(AugmenterTest, DrawsEachOfTheEightOrientationsAndMovesLabelsAlong) {
  Augmentation only_orientation = Augmentation::none();
  only_orientation.flips = only_orientation.quarter_turns = true;
  const Patch plain = cut(Augmentation::none(), image_, labels_, {30, 40, 0, 0, 0});
  std::vector<std::vector<std::size_t>> orientations;
  for (int o = 0; o < 8; ++o) {
    std::vector<std::size_t> source;
    for (int y = 0; y < kSide; ++y) {
      for (int x = 0; x < kSide; ++x) {
        int a = (o & 1) != 0 ? kSide - 1 - y : y;
        int b = (o & 2) != 0 ? kSide - 1 - x : x;
        if ((o & 4) != 0) std::swap(a, b);
        source.push_back(static_cast<std::size_t>(a * kSide + b));
      }
    }
    orientations.push_back(source);
  }
  std::set<int> seen;
  for (std::uint64_t n = 0; n < 100; ++n) {
    const Patch patch = cut(only_orientation, image_, labels_, {30, 40, 5, 0, n});
    int found = -1;
    for (int o = 0; o < 8; ++o) {
      Patch turned;
      for (std::size_t i = 0; i < kPixels; ++i) {
        turned.image[i] = plain.image[orientations[static_cast<std::size_t>(o)][i]];
        turned.labels[i] = plain.labels[orientations[static_cast<std::size_t>(o)][i]];
      }
      if (turned == patch) found = o;
    }
    ASSERT_GE(found, 0) << "patch " << n << " is no orientation of the plain one";
    seen.insert(found);
  }
  EXPECT_EQ(seen.size(), 8U);
}

TEST_F(AugmenterTest, DeformsLabelsWithTheImage) {
  const io::Slice disc = slice_of(200, 220, [](int y, int x) { return 200 * disc_at(y, x); });
  const io::Slice truth = slice_of(200, 220, disc_at);
  Augmentation geometry = Augmentation::none();
  geometry.flips = geometry.quarter_turns = true;
  geometry.zoom = 0.3;
  geometry.elastic = 5;
  geometry.elastic_spacing = 16;
  const Patch plain = cut(Augmentation::none(), disc, truth, {90 - 34 - 24, 110 - 24, 0, 0, 0});
  double moved = 0;
  for (std::uint64_t n = 0; n < 20; ++n) {
    const Patch patch = cut(geometry, disc, truth, {90 - 34 - 24, 110 - 24, 3, n, 0});
    for (std::size_t i = 0; i < kPixels; ++i) {
      // The linear image is 100 where the nearest label changes: they agree but for rounding.
      if (patch.image[i] > 150) {
        ASSERT_EQ(patch.labels[i], 1);
      }
      if (patch.image[i] < 50) {
        ASSERT_EQ(patch.labels[i], 0);
      }
      moved += patch.labels[i] != plain.labels[i];
    }
  }
  EXPECT_GT(moved / 20, 30) << "hardly anything was deformed";
}

TEST_F(AugmenterTest, LeavesHalfOfThePatchesUndeformed) {
  Augmentation geometry = Augmentation::none();
  geometry.zoom = 0.3;
  geometry.elastic = 5;
  const Patch plain = cut(Augmentation::none(), image_, labels_, {30, 40, 0, 0, 0});
  int untouched = 0;
  for (std::uint64_t n = 0; n < 200; ++n)
    untouched += cut(geometry, image_, labels_, {30, 40, 1, n, 0}) == plain;
  EXPECT_NEAR(untouched, 100, 35);
}

TEST_F(AugmenterTest, DependsOnItsArgumentsOnly) {
  const Augmentation all;
  const Patch first = cut(all, image_, labels_, {30, 40, 1, 2, 3});
  EXPECT_EQ(first, cut(all, image_, labels_, {30, 40, 1, 2, 3}));
  EXPECT_NE(first.image, cut(all, image_, labels_, {30, 40, 2, 2, 3}).image);
  EXPECT_NE(first.image, cut(all, image_, labels_, {30, 40, 1, 3, 3}).image);
  EXPECT_NE(first.image, cut(all, image_, labels_, {30, 40, 1, 2, 4}).image);
}

TEST_F(AugmenterTest, LeavesTheOtherVariationsAloneWhenOneIsSwitchedOff) {
  Augmentation without = Augmentation{};
  without.noise = 0;
  without.brightness = 0;
  without.contrast = 0;
  without.blur = 0;
  for (std::uint64_t n = 0; n < 10; ++n) {
    EXPECT_EQ(cut({}, image_, labels_, {30, 40, 1, n, 0}).labels,
              cut(without, image_, labels_, {30, 40, 1, n, 0}).labels);
  }
}

TEST_F(AugmenterTest, KeepsIntensitiesWithinTheirRanges) {
  const io::Slice flat = slice_of(200, 220, [](int, int) { return 100; });
  Augmentation intensity = Augmentation::none();
  intensity.brightness = 7;
  intensity.contrast = 0.25;
  float low = 1e9F;
  float high = -1e9F;
  for (std::uint64_t n = 0; n < 300; ++n) {
    const Patch patch = cut(intensity, flat, labels_, {0, 0, 1, n, 0});
    ASSERT_EQ(patch.image.front(), patch.image.back());
    low = std::min(low, patch.image[0]);
    high = std::max(high, patch.image[0]);
  }
  EXPECT_GE(low, 80 - 7);
  EXPECT_LT(low, 80 + 3);
  EXPECT_LE(high, 125.01F + 7);
  EXPECT_GT(high, 125 - 3);
}

TEST_F(AugmenterTest, AddsNoiseToHalfOfThePatchesAndBlursAThird) {
  const io::Slice flat = slice_of(200, 220, [](int, int) { return 100; });
  Augmentation noise = Augmentation::none();
  noise.noise = 4;
  Augmentation blur = Augmentation::none();
  blur.blur = 3;
  int noisy = 0;
  int blurred = 0;
  const Patch plain = cut(Augmentation::none(), image_, labels_, {0, 0, 1, 0, 0});
  for (std::uint64_t n = 0; n < 300; ++n) {
    const Patch patch = cut(noise, flat, labels_, {0, 0, 1, n, 0});
    double squares = 0;
    for (const float v : patch.image) squares += (v - 100) * (v - 100);
    const double deviation = std::sqrt(squares / static_cast<double>(kPixels));
    EXPECT_LT(deviation, 4.3);
    noisy += deviation > 0;
    const Patch soft = cut(blur, image_, labels_, {0, 0, 1, n, 0});
    const double sum = std::accumulate(soft.image.begin(), soft.image.end(), 0.0);
    const double before = std::accumulate(plain.image.begin(), plain.image.end(), 0.0);
    EXPECT_NEAR(sum / before, 1, 0.02);
    blurred += soft.image != plain.image;
    EXPECT_EQ(soft.labels, plain.labels);
  }
  EXPECT_NEAR(noisy, 150, 45);
  EXPECT_NEAR(blurred, 100, 40);
}

TEST_F(AugmenterTest, RefusesVariationsOutsideTheirRanges) {
  Augmentation wrong;
  wrong.zoom = 1.5;
  EXPECT_THROW(Augmenter(wrong, 32, 32), std::invalid_argument);
  EXPECT_THROW(Augmenter(Augmentation{}, 32, 48), std::invalid_argument);
  EXPECT_THROW(Augmenter(Augmentation::none(), 0, 48), std::invalid_argument);
}

}  // namespace
}  // namespace fibflow::nodes
