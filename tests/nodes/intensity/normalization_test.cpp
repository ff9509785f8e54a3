#include "nodes/intensity/normalization.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "nodes/intensity/normalizer.h"
#include "tests/fixtures/make_slice.h"

namespace fibflow::nodes {
namespace {

using testing::make_slice;

double normalized(const Affine& affine, double voxel) {
  return affine.scale * voxel + affine.shift;
}

// Values 0, 10, …, 90 in an order that is not sorted.
template <typename T>
io::Slice ten_values() {
  return make_slice<T>(0, 2, 5, [](int y, int x) { return static_cast<T>((y * 5 + x) * 7 % 10 * 10); });
}

TEST(NormalizationTest, ReadsWhatItWrites) {
  for (const char* text : {"unit", "stack", "slice", "zscore:0.55,0.21", "percentile:1,99.5"}) {
    EXPECT_EQ(Normalization::parse(text).text(), text);
  }
}

TEST(NormalizationTest, RefusesWhatItDoesNotUnderstandAndQuotesIt) {
  for (const char* text :
       {"", "Unit", "zscore", "zscore:", "zscore:1", "zscore:1,0", "zscore:1,-2", "zscore:1,2,3",
        "zscore:nan,1", "percentile:2,1", "percentile:-1,50", "percentile:0,101", "slice:1"}) {
    try {
      Normalization::parse(text);
      ADD_FAILURE() << "accepted '" << text << "'";
    } catch (const std::invalid_argument& error) {
      EXPECT_NE(std::string(error.what()).find(std::string("'") + text + "'"), std::string::npos)
          << error.what();
    }
  }
}

TEST(NormalizationTest, IntensitiesAreSharesOfTheTypesMaximum) {
  const Normalization unit;
  EXPECT_DOUBLE_EQ(normalized(affine_of(unit, ten_values<std::uint8_t>(), {}), 255), 1);
  EXPECT_DOUBLE_EQ(normalized(affine_of(unit, ten_values<std::uint16_t>(), {}), 65535), 1);
  EXPECT_DOUBLE_EQ(normalized(affine_of(unit, ten_values<float>(), {}), 3), 3);
}

TEST(NormalizationTest, ZscoreSubtractsAndDividesAfterwards) {
  const Affine affine = affine_of(Normalization::parse("zscore:0.5,0.25"), ten_values<std::uint8_t>(), {});
  EXPECT_NEAR(normalized(affine, 51), (0.2 - 0.5) / 0.25, 1e-12);
}

// A deviation of some 1e-17, which is what rounding leaves, would make 10^16 times the pixels of them.
template <typename T>
void expect_no_deviation_whatever_the_gray_value(int height, int width, int step) {
  const double full = full_scale(make_slice<T>(0, 1, 1, [](int, int) { return T(0); }).type());
  for (int gray = 0; gray <= full; gray += step) {
    const auto slice = make_slice<T>(0, height, width, [&](int, int) { return static_cast<T>(gray); });
    const IntensityMoments moments = measure_intensity(slice);
    EXPECT_EQ(moments.deviation(), 0) << gray;
    IntensityMoments stack;
    for (int z = 0; z < 3; ++z) stack.merge(moments);
    EXPECT_EQ(stack.deviation(), 0) << gray;
    EXPECT_EQ(stack.count, 3 * moments.count);
    EXPECT_NEAR(normalized(affine_of({Normalization::Kind::slice}, slice, {}), gray), 0, 1e-12) << gray;
    EXPECT_THROW(Normalizer({Normalization::Kind::stack}, moments), std::invalid_argument) << gray;
  }
}

TEST(NormalizationTest, ABlankSliceHasNoDeviationWhateverItsGrayValueAndSize) {
  expect_no_deviation_whatever_the_gray_value<std::uint8_t>(100, 100, 1);
  expect_no_deviation_whatever_the_gray_value<std::uint8_t>(37, 29, 1);
  expect_no_deviation_whatever_the_gray_value<std::uint16_t>(37, 29, 997);
}

template <typename T>
class NormalizationOfType : public ::testing::Test {};
using Types = ::testing::Types<std::uint8_t, std::uint16_t, float>;
TYPED_TEST_SUITE(NormalizationOfType, Types);

TYPED_TEST(NormalizationOfType, SliceHasMeanZeroAndDeviationOneAfterwards) {
  const io::Slice slice = ten_values<TypeParam>();
  const Affine affine = affine_of(Normalization::parse("slice"), slice, {});
  double sum = 0;
  double squares = 0;
  for (const TypeParam voxel : slice.as<TypeParam>()) {
    sum += normalized(affine, voxel);
    squares += normalized(affine, voxel) * normalized(affine, voxel);
  }
  EXPECT_NEAR(sum, 0, 1e-9);
  EXPECT_NEAR(squares / 10, 1, 1e-9);
}

TYPED_TEST(NormalizationOfType, PercentilesBecomeZeroAndOneAndAreLinearBetweenRanks) {
  const io::Slice slice = ten_values<TypeParam>();
  const Affine affine = affine_of(Normalization::parse("percentile:0,100"), slice, {});
  EXPECT_NEAR(normalized(affine, 0), 0, 1e-9);
  EXPECT_NEAR(normalized(affine, 90), 1, 1e-9);
  // numpy.percentile([0, 10, ..., 90], 25) is 22.5.
  EXPECT_NEAR(intensity_percentile(slice, 25) * full_scale(slice.type()), 22.5, 1e-9);
}

TYPED_TEST(NormalizationOfType, ABlankSliceBecomesZeros) {
  const io::Slice blank = make_slice<TypeParam>(0, 3, 3, [](int, int) { return static_cast<TypeParam>(40); });
  for (const char* text : {"slice", "percentile:1,99"}) {
    EXPECT_NEAR(normalized(affine_of(Normalization::parse(text), blank, {}), 40), 0, 1e-12) << text;
  }
}

TEST(NormalizerTest, RefusesAStackWithoutContrast) {
  IntensityMoments measured;
  measured.count = 10;
  measured.mean = 0.5;
  EXPECT_THROW(Normalizer(Normalization::parse("stack"), measured), std::invalid_argument);
}

TEST(NormalizerTest, UsesWhatWasMeasuredOnTheStack) {
  const IntensityMoments measured = measure_intensity(ten_values<std::uint8_t>());
  const Normalizer normalizer(Normalization::parse("stack"), measured);
  const PreparedSlice prepared = normalizer({7, ten_values<std::uint8_t>()});
  EXPECT_EQ(prepared.order, 7);
  EXPECT_NEAR(normalized(prepared.affine, 45), 0, 1e-9);
}

TEST(NormalizerTest, NamesThePixelThatIsNotANumber) {
  const Normalizer normalizer(Normalization{}, {});
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const io::Slice slice =
        make_slice<float>(3, 4, 6, [bad](int y, int x) { return y == 2 && x == 5 ? bad : 1.0F; });
    try {
      normalizer({0, slice});
      ADD_FAILURE() << "accepted " << bad;
    } catch (const BadSlice& error) {
      EXPECT_NE(std::string(error.what()).find("row 2, column 5"), std::string::npos) << error.what();
    }
  }
}

TEST(IntensityMomentsTest, MergedAreThoseOfAllVoxels) {
  const io::Slice all = make_slice<float>(0, 4, 8, [](int y, int x) { return std::sin(3.0F * y + x) + y; });
  const io::Slice top = make_slice<float>(
      0, 1, 8, [&](int y, int x) { return all.as<float>()[static_cast<std::size_t>(y * 8 + x)]; });
  const io::Slice rest = make_slice<float>(
      0, 3, 8, [&](int y, int x) { return all.as<float>()[static_cast<std::size_t>(y * 8 + 8 + x)]; });
  IntensityMoments merged = measure_intensity(top);
  merged.merge(measure_intensity(rest));
  const IntensityMoments whole = measure_intensity(all);
  EXPECT_NEAR(merged.mean, whole.mean, 1e-12);
  EXPECT_NEAR(merged.deviation(), whole.deviation(), 1e-12);
}

}  // namespace
}  // namespace fibflow::nodes
