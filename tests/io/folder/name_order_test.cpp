#include "io/folder/name_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace fibflow::io {
namespace {

using Names = std::vector<std::string>;

/// The names are given in the right order, and read in another one.
void expect_in_this_order(const Names& names, const std::string& form) {
  Names shuffled = names;
  std::ranges::sort(shuffled);
  std::rotate(shuffled.begin(), shuffled.begin() + static_cast<std::ptrdiff_t>(shuffled.size() / 2),
              shuffled.end());
  const NameReading reading = read_names(shuffled);
  ASSERT_TRUE(reading.series.empty()) << reading.series[0].glob;
  Names ordered;
  for (const std::size_t i : reading.stack.order) ordered.push_back(shuffled[i]);
  EXPECT_EQ(ordered, names);
  EXPECT_EQ(reading.stack.form.spoken(), form);
}

Names globs_of(const Names& names) {
  Names globs;
  for (const NameSeries& series : read_names(names).series) globs.push_back(series.glob);
  return globs;
}

TEST(NameOrderTest, OneNumberCounts) {
  expect_in_this_order({"s_8", "s_9", "s_10", "s_11"}, "s_#");
  expect_in_this_order({"7", "8", "9"}, "#");
  expect_in_this_order({"only"}, "only");
  expect_in_this_order({"run2_slice_0118", "run2_slice_0119"}, "run2_slice_#");
}

TEST(NameOrderTest, TheNumberThatGoesUpInStepsCountsAndOthersGoAlong) {
  expect_in_this_order({"slice_00000_z=0.1555um", "slice_00001_z=0.1568um", "slice_00002_z=0.1964um",
                        "slice_00003_z=0.2013um", "slice_00004_z=0.9987um", "slice_00005_z=1.0021um",
                        "slice_00006_z=1.1555um", "slice_00007_z=2.2013um"},
                       "slice_#_z=*um");
  // A contrast that the operator turned is no number of a slice, though it stands first.
  expect_in_this_order({"b130_slice_1", "b128_slice_2", "b131_slice_3", "b127_slice_4"}, "b*_slice_#");
  // Nor is the time of day, though it is different in each.
  expect_in_this_order({"s1_093012", "s2_093501", "s3_101102", "s4_000013"}, "s#_*");
}

TEST(NameOrderTest, TimesAreInTheOrderOfAllTheirNumbers) {
  expect_in_this_order(
      {"img_20241126_235901", "img_20241126_235930", "img_20241127_000012", "img_20241127_000107"}, "img_#");
  // Of which no part is different in each file, though all of it is.
  expect_in_this_order({"2026-11-26 23-59-01", "2026-11-26 23-59-30", "2026-11-27 00-01-01",
                        "2026-11-27 00-02-30", "2026-11-27 01-01-01"},
                       "#");
  expect_in_this_order({"20261126235901", "20261126235930", "20261127000012"}, "#");
  expect_in_this_order({"t103000", "t103125", "t103249", "t110003"}, "t#");
  // A count beside it is what counts, though the minutes go up in steps of one.
  expect_in_this_order({"s1_2026-11-26_10-58-00", "s2_2026-11-26_10-59-00", "s3_2026-11-26_11-00-00"},
                       "s#_*");
  expect_in_this_order({"2026-11-26_slice_1", "2026-11-26_slice_2", "2026-11-27_slice_3"}, "*_slice_#");
}

TEST(NameOrderTest, OnlyWholeNumbersInStepsAreCounted) {
  const auto form = [](const Names& names) { return read_names(names).stack.form; };
  EXPECT_EQ(form({"s_1", "s_2", "s_50"}).step(), 1);
  EXPECT_EQ(form({"s_10", "s_20", "s_40"}).step(), 10);
  EXPECT_FALSE(form({"s_1", "s_8", "s_19"}).counts());
  EXPECT_FALSE(form({"z_0.25", "z_0.5", "z_0.75"}).counts());
  EXPECT_FALSE(form({"t103000", "t103100", "t103200"}).counts());
}

TEST(NameOrderTest, PositionsInZAreTheirDistance) {
  const auto spacing = [](const Names& names) { return read_names(names).stack.z_spacing_nm; };
  EXPECT_NEAR(spacing({"s_1_z=0.10um", "s_2_z=0.11um", "s_3_z=0.125um", "s_4_z=0.14um"}).value(), 15, 1e-6);
  EXPECT_NEAR(spacing({"z12nm", "z20nm", "z28nm"}).value(), 8, 1e-6);
  EXPECT_NEAR(spacing({"z=0.5\xc2\xb5m", "z=1\xc2\xb5m"}).value(), 500, 1e-6);
  EXPECT_FALSE(spacing({"s_1", "s_2"}));
  EXPECT_FALSE(spacing({"z_1", "z_2"})) << "without a unit it may be a count";
  EXPECT_FALSE(spacing({"x1um", "x2um"}));
}

TEST(NameOrderTest, DecimalsAndSignsBelongToTheirNumber) {
  expect_in_this_order({"z_0", "z_0.25", "z_0.5", "z_0.75", "z_1", "z_1.25", "z_1.5", "z_1.75"}, "z_#");
  expect_in_this_order({"z=-1.5um", "z=-0.5um", "z=0.5um", "z=1.5um"}, "z=#um");
  expect_in_this_order({"scan.001", "scan.002", "scan.010"}, "scan.#");
  // A hyphen is no sign, and two places are no decimals.
  expect_in_this_order({"slice-1", "slice-2", "slice-10"}, "slice-#");
  expect_in_this_order({"1.8", "1.9", "1.10", "1.11"}, "1.#");
}

TEST(NameOrderTest, DetectorsTilesAndCopiesAreSeries) {
  EXPECT_EQ(
      globs_of({"SEM Image 1 - SliceImage - 001", "SEM Image 1 - SliceImage - 002",
                "SEM Image 2 - SliceImage - 001", "SEM Image 2 - SliceImage - 002",
                "SEM Image 1 - SliceImage - 003", "SEM Image 2 - SliceImage - 003"}),
      (Names{"SEM Image 1 - SliceImage - [0-9][0-9][0-9]", "SEM Image 2 - SliceImage - [0-9][0-9][0-9]"}));
  EXPECT_EQ(
      globs_of({"slice_0_ch0", "slice_0_ch1", "slice_1_ch0", "slice_1_ch1", "slice_2_ch0", "slice_2_ch1"}),
      (Names{"slice_[0-9]_ch0", "slice_[0-9]_ch1"}));
  EXPECT_EQ(globs_of({"slice_9_ESB", "slice_9_SE2", "slice_10_ESB", "slice_10_SE2"}),
            (Names{"slice_*_ESB", "slice_*_SE2"}));
  EXPECT_EQ(globs_of({"slice_000", "slice_001", "slice_001 (1)", "slice_002"}),
            (Names{"slice_[0-9][0-9][0-9]", "slice_001 (1)"}));
  EXPECT_EQ(globs_of({"z0_y0_x0", "z0_y0_x1", "z0_y1_x0", "z0_y1_x1", "z1_y0_x0", "z1_y0_x1", "z1_y1_x0",
                      "z1_y1_x1", "z2_y0_x0", "z2_y0_x1", "z2_y1_x0", "z2_y1_x1"}),
            (Names{"z[0-9]_y0_x0", "z[0-9]_y0_x1", "z[0-9]_y1_x0", "z[0-9]_y1_x1"}));
  EXPECT_EQ(globs_of({"a[1]_1", "a[1]_2", "b_1", "b_2"}), (Names{"a[[]1]_[0-9]", "b_[0-9]"}));
  const NameReading two = read_names({"image_1", "image_2", "image_3", "mask_1"});
  ASSERT_EQ(two.series.size(), 2U);
  EXPECT_EQ(two.series[0].files.size(), 3U);
  EXPECT_EQ(two.series[1].files.size(), 1U);
}

TEST(NameOrderTest, NamesWithoutNumbersAreInNaturalOrderAndThatIsSaid) {
  const NameReading reading = read_names({"front", "back", "middle"});
  EXPECT_EQ(reading.stack.order, (std::vector<std::size_t>{1, 0, 2}));
  ASSERT_EQ(reading.stack.remarks.size(), 1U);
  EXPECT_NE(reading.stack.remarks[0].find("not numbered"), std::string::npos);
}

TEST(NameOrderTest, GapsAreNamedWithTheirNeighbours) {
  EXPECT_TRUE(read_names({"s_0", "s_10", "s_20"}).stack.remarks.empty());
  const auto gap = read_names({"s_1", "s_2", "s_5", "s_6"}).stack.remarks;
  ASSERT_EQ(gap.size(), 1U);
  EXPECT_NE(gap[0].find("2 missing between 's_2' and 's_5'"), std::string::npos) << gap[0];
  EXPECT_EQ(read_names({"s_10", "s_20", "s_40"}).stack.remarks.size(), 1U);
  EXPECT_EQ(read_names({"r2_1_z=0.5um", "r2_2_z=1.0um", "r2_4_z=1.5um"}).stack.remarks.size(), 1U);
  const auto many = read_names({"1", "2", "4", "6", "8", "10", "12"}).stack.remarks;
  ASSERT_EQ(many.size(), 4U);
  EXPECT_NE(many[3].find("2 more gaps"), std::string::npos) << many[3];
}

TEST(NameOrderTest, NumbersOfAnyLengthAreCompared) {
  expect_in_this_order({"99999999999999999999998", "99999999999999999999999", "100000000000000000000000"},
                       "#");
}

}  // namespace
}  // namespace fibflow::io
