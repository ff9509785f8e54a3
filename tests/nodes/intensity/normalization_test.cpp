#include "nodes/intensity/normalization.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>

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
  EXPECT_DOUBLE_EQ(
      normalized(affine_of(unit, IntensityRange::of(io::PixelType::u8), ten_values<std::uint8_t>(), {}), 255),
      1);
  EXPECT_DOUBLE_EQ(
      normalized(affine_of(unit, IntensityRange::of(io::PixelType::u16), ten_values<std::uint16_t>(), {}),
                 65535),
      1);
  EXPECT_DOUBLE_EQ(
      normalized(affine_of(unit, IntensityRange::of(io::PixelType::f32), ten_values<float>(), {}), 3), 3);
}

TEST(NormalizationTest, ZscoresAboveOneAreGrayLevelsOfTheFewestBitsThatHoldThem) {
  EXPECT_EQ(Normalization::parse("zscore:0.5,0.2").gray_levels(), 1);
  EXPECT_EQ(Normalization::parse("zscore:-0.3,1").gray_levels(), 1);
  EXPECT_EQ(Normalization::parse("zscore:125,51").gray_levels(), 255);
  EXPECT_EQ(Normalization::parse("zscore:2000,700").gray_levels(), 4095);
  EXPECT_EQ(Normalization::parse("zscore:30000,9000").gray_levels(), 65535);
  EXPECT_EQ(Normalization::parse("percentile:2,98").gray_levels(), 1);
  const Normalization rule = Normalization::parse("zscore:127.5,51");
  for (const auto& [range, voxel] :
       {std::pair{IntensityRange{0, 255}, 178.5}, {{0, 65535}, 178.5 * 257}, {{0, 1}, 0.7}}) {
    const Affine affine = affine_of(rule, range, ten_values<std::uint8_t>(), {});
    EXPECT_NEAR(normalized(affine, voxel), 1, 1e-9);
    EXPECT_NEAR(normalized(affine_of(rule, range.inverted(), ten_values<std::uint8_t>(), {}), voxel), -1,
                1e-9);
  }
}

TEST(NormalizationTest, InvertedContrastTurnsEveryRule) {
  const io::Slice slice =
      make_slice<std::uint8_t>(0, 4, 5, [](int y, int x) { return std::uint8_t(3 * y * y + 2 * x); });
  const io::Slice mirrored =
      make_slice<std::uint8_t>(0, 4, 5, [](int y, int x) { return std::uint8_t(255 - (3 * y * y + 2 * x)); });
  const IntensityRange range{0, 255};
  for (const char* text : {"unit", "zscore:0.5,0.25", "stack", "slice", "percentile:10,95"}) {
    const Normalization rule = Normalization::parse(text);
    const Affine as_is = affine_of(rule, range, slice, measure_voxels(slice));
    const Affine turned = affine_of(rule, range.inverted(), mirrored, measure_voxels(mirrored));
    for (const double voxel : {0.0, 17.0, 200.0})
      EXPECT_NEAR(normalized(turned, 255 - voxel), normalized(as_is, voxel), 1e-9) << text;
  }
}

TEST(NormalizationTest, ZscoreSubtractsAndDividesAfterwards) {
  const Affine affine =
      affine_of(Normalization::parse("zscore:0.5,0.25"), {0, 255}, ten_values<std::uint8_t>(), {});
  EXPECT_NEAR(normalized(affine, 51), (0.2 - 0.5) / 0.25, 1e-12);
}

// A deviation of some 1e-17, which is what rounding leaves, would make 10^16 times the pixels of them.
template <typename T>
void expect_no_deviation_whatever_the_gray_value(int height, int width, int step) {
  const double full = IntensityRange::of(make_slice<T>(0, 1, 1, [](int, int) { return T(0); }).type()).white;
  for (int gray = 0; gray <= full; gray += step) {
    const auto slice = make_slice<T>(0, height, width, [&](int, int) { return static_cast<T>(gray); });
    const IntensityMoments moments = measure_voxels(slice);
    EXPECT_EQ(moments.deviation(), 0) << gray;
    IntensityMoments stack;
    for (int z = 0; z < 3; ++z) stack.merge(moments);
    EXPECT_EQ(stack.deviation(), 0) << gray;
    EXPECT_EQ(stack.count, 3 * moments.count);
    EXPECT_NEAR(normalized(affine_of({Normalization::Kind::slice}, {0, full}, slice, {}), gray), 0, 1e-12)
        << gray;
    EXPECT_THROW(Normalizer({Normalization::Kind::stack}, {0, full}, moments), std::invalid_argument) << gray;
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
  const Affine affine = affine_of(Normalization::parse("slice"), IntensityRange::of(slice.type()), slice, {});
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
  const Affine affine =
      affine_of(Normalization::parse("percentile:0,100"), IntensityRange::of(slice.type()), slice, {});
  EXPECT_NEAR(normalized(affine, 0), 0, 1e-9);
  EXPECT_NEAR(normalized(affine, 90), 1, 1e-9);
  // numpy.percentile([0, 10, ..., 90], 25) is 22.5.
  EXPECT_NEAR(voxel_percentile(slice, 25), 22.5, 1e-9);
}

TYPED_TEST(NormalizationOfType, ABlankSliceBecomesZeros) {
  const io::Slice blank = make_slice<TypeParam>(0, 3, 3, [](int, int) { return static_cast<TypeParam>(40); });
  for (const char* text : {"slice", "percentile:1,99"}) {
    EXPECT_NEAR(
        normalized(affine_of(Normalization::parse(text), IntensityRange::of(blank.type()), blank, {}), 40), 0,
        1e-12)
        << text;
  }
}

TEST(NormalizerTest, RefusesAStackWithoutContrast) {
  IntensityMoments measured;
  measured.count = 10;
  measured.mean = 0.5;
  EXPECT_THROW(Normalizer(Normalization::parse("stack"), IntensityRange{0, 255}, measured),
               std::invalid_argument);
}

TEST(NormalizerTest, UsesWhatWasMeasuredOnTheStack) {
  const IntensityMoments measured = measure_voxels(ten_values<std::uint8_t>());
  const Normalizer normalizer(Normalization::parse("stack"), {0, 255}, measured);
  const PreparedSlice prepared = normalizer({7, ten_values<std::uint8_t>()});
  EXPECT_EQ(prepared.order, 7);
  EXPECT_NEAR(normalized(prepared.affine, 45), 0, 1e-9);
}

TEST(NormalizerTest, NamesThePixelThatIsNotANumber) {
  const Normalizer normalizer(Normalization{}, IntensityRange{});
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
  IntensityMoments merged = measure_voxels(top);
  merged.merge(measure_voxels(rest));
  const IntensityMoments whole = measure_voxels(all);
  EXPECT_NEAR(merged.mean, whole.mean, 1e-12);
  EXPECT_NEAR(merged.deviation(), whole.deviation(), 1e-12);
}

}  // namespace
}  // namespace fibflow::nodes
