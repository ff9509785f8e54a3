#include "io/folder/slice_numbering.h"

#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace fibflow::io {
namespace {

using Names = std::vector<std::string>;

/// Decided by names that are all there.
SliceNumbering decided(const Names& names, const std::string& pattern = "") {
  SliceNumbering numbering(pattern);
  EXPECT_TRUE(numbering.decide(names, true, false));
  return numbering;
}

/// Which of them belong to no slice.
Names others(const Names& names) {
  const SliceNumbering numbering = decided(names);
  Names found;
  for (const std::string& name : names) {
    if (!numbering.fits(name)) found.push_back(name);
  }
  return found;
}

std::string refusal(const Names& names) {
  try {
    decided(names);
  } catch (const AmbiguousNames& error) {
    return error.what();
  }
  return "";
}

TEST(SliceNumberingTest, TakesTheNumberThatTellsTheFilesApart) {
  const auto numbering =
      decided({"slice_00000_z=0.1555um.tif", "slice_00001_z=0.1568um.tif", "slice_00002_z=0.1964um.tif"});
  EXPECT_TRUE(numbering.counts());
  EXPECT_EQ(numbering.number_of("slice_00007_z=2.2013um.tif"), 7);
  EXPECT_EQ(numbering.number_of("run2/day3/slice_0118_z=-1um.TIFF"), 118);
  EXPECT_EQ(numbering.spoken(), "by # of 'slice_#_z=*um'");
  EXPECT_NEAR(numbering.z_spacing_nm().value(), 39.6, 1e-6);
  EXPECT_EQ(
      decided({"cell_1_0-0-0.tif", "cell_2_0-0-0.tif", "cell_3_0-0-0.tif"}).number_of("cell_9_0-0-0.tif"), 9);
  EXPECT_EQ(decided({"s9.ome.tif", "s10.ome.tif"}).number_of("s11.ome.tif"), 11);
}

TEST(SliceNumberingTest, KnowsWhatIsNoSlice) {
  const auto numbering = decided({"slice_1.tif", "slice_2.tif", "overview.tif"});
  EXPECT_EQ(others({"slice_1.tif", "slice_2.tif", "overview.tif"}), Names{"overview.tif"});
  EXPECT_EQ(numbering.number_of("2024/slice.tif"), std::nullopt) << "folders have no say";
  EXPECT_EQ(numbering.number_of("slice_3.png"), std::nullopt);
  EXPECT_EQ(numbering.number_of("slice_3.tif.part"), std::nullopt);
  EXPECT_EQ(numbering.number_of("slice_3 (1).tif"), std::nullopt);
  EXPECT_EQ(numbering.number_of("autofocus_3.tif"), std::nullopt);
  EXPECT_EQ(numbering.number_of("slice_99999999999999999999.tif"), std::nullopt);
}

TEST(SliceNumberingTest, IsDecidedWhenEnoughFilesAreThere) {
  SliceNumbering numbering;
  EXPECT_FALSE(numbering.decide({}, true, false));
  EXPECT_FALSE(numbering.decide({"img_103000.tif"}, false, false));
  EXPECT_FALSE(numbering.decide({"img_103000.tif", "img_103125.tif"}, false, false)) << "a count, or times?";
  EXPECT_TRUE(numbering.decide({"img_103000.tif", "img_103125.tif", "img_103249.tif"}, false, false));
  EXPECT_FALSE(numbering.counts());
  EXPECT_TRUE(numbering.is_before("img_103000.tif", 0, "img_110000.tif", 0));
  // Two in a row are enough where it is the last number; here a second detector may come.
  EXPECT_TRUE(SliceNumbering().decide({"run2_slice_0118.tif", "run2_slice_0119.tif"}, false, false));
  EXPECT_FALSE(SliceNumbering().decide({"SEM Image 1 - 001.tif", "SEM Image 2 - 001.tif"}, false, false));
  // Who names the first number knows that they are counted.
  EXPECT_TRUE(SliceNumbering().decide({"slice_5.tif"}, false, true));
  EXPECT_FALSE(SliceNumbering().decide({"run2_slice_5.tif"}, false, true));
  // When no more will come, the last number it is.
  EXPECT_EQ(decided({"run2_slice_0003_final.tif"}).number_of("run2_slice_0004_final.tif"), 4);
}

TEST(SliceNumberingTest, SeveralSeriesAreRefusedWithPatternsForEach) {
  const std::string two = refusal(
      {"SEM Image 1 - 001.tif", "SEM Image 2 - 001.tif", "SEM Image 1 - 002.tif", "SEM Image 2 - 002.tif"});
  EXPECT_NE(two.find("--pattern: 'SEM Image 1 - #*' (2 files), 'SEM Image 2 - #*' (2 files)"),
            std::string::npos)
      << two;
  SliceNumbering chosen("SEM Image 2 - #*");
  EXPECT_TRUE(chosen.decide({"SEM Image 2 - 001.tif"}, false, false));
  EXPECT_EQ(chosen.number_of("SEM Image 2 - 017.tif"), 17);
  EXPECT_EQ(chosen.number_of("SEM Image 1 - 017.tif"), std::nullopt);
  // Few others, clearly, are left out; while few are there at all, nothing is decided.
  Names most;
  for (int i = 0; i < 10; ++i) most.push_back("s_" + std::to_string(i) + ".tif");
  most.push_back("focus_1.tif");
  EXPECT_EQ(others(most), Names{"focus_1.tif"});
  EXPECT_FALSE(SliceNumbering().decide({"s_1.tif", "focus_1.tif", "focus_2.tif"}, false, false));
  EXPECT_NE(refusal({"s_1.tif", "focus_1.tif", "focus_2.tif"}), "");
}

TEST(SliceNumberingTest, TimesAndPositionsAreAnOrderWithoutACount) {
  const auto times =
      decided({"2026-11-26_23-59-01.tif", "2026-11-26_23-59-58.tif", "2026-11-27_00-01-04.tif"});
  EXPECT_FALSE(times.counts());
  EXPECT_TRUE(times.fits("2027-01-01_00-00-00.tif"));
  EXPECT_TRUE(times.is_before("2026-11-27_23-00-00.tif", 0, "2026-12-01_00-00-00.tif", 0));
  const auto positions = decided({"z=-0.5um.tif", "z=0.25um.tif", "z=1.5um.tif", "z=11um.tif"});
  EXPECT_FALSE(positions.counts());
  EXPECT_TRUE(positions.is_before("z=2.5um.tif", 0, "z=10um.tif", 0));
  SliceNumbering by_time("", FileOrder::time);
  EXPECT_TRUE(by_time.is_decided());
  EXPECT_TRUE(by_time.is_before("b.tif", 1, "a.tif", 2));
  SliceNumbering by_name("", FileOrder::name);
  EXPECT_TRUE(by_name.is_before("a9.tif", 2, "a10.tif", 1));
}

TEST(SliceNumberingTest, WhatWasDecidedIsKeptAsText) {
  for (const Names& names : {Names{"a b_1_0-0-0.tif", "a b_2_0-0-0.tif", "a b_3_0-0-0.tif"},
                             Names{"z=-0.5um.tif", "z=0.25um.tif", "z=1.5um.tif"}}) {
    const auto numbering = decided(names);
    SliceNumbering restored;
    restored.restore(numbering.saved());
    EXPECT_EQ(restored.counts(), numbering.counts());
    EXPECT_EQ(restored.spoken(), numbering.spoken());
    EXPECT_EQ(restored.number_of(names[2]), numbering.number_of(names[2]));
    EXPECT_EQ(restored.fits("other.tif"), false);
  }
  for (const char* bad : {"", "7 1 0 1 1 x", "0 1 5 1 1 x", "0 1 0 1 99 x", "0 nonsense"}) {
    EXPECT_THROW(SliceNumbering().restore(bad), std::invalid_argument) << bad;
  }
}

TEST(SliceNumberingTest, MatchesAPatternAsItStands) {
  const auto numbering = decided({"slice_12.tif", "slice_13.tif"}, "slice_*.tif");
  EXPECT_EQ(numbering.number_of("slice_12.tif"), 12);
  EXPECT_EQ(numbering.number_of("overview_12.tif"), std::nullopt);
  EXPECT_EQ(numbering.number_of("slice_12xtif"), std::nullopt);
  EXPECT_EQ(decided({"img017.dat"}, "img???.dat").number_of("img017.dat"), 17);
  EXPECT_EQ(decided({"slice.017", "slice.018"}, "slice.*").number_of("slice.017"), 17);
}

TEST(SliceNumberingTest, AMarkInThePatternSaysWhereTheNumberIs) {
  const auto numbering = decided({"z0012_20240131.tif"}, "z#_20*.tif");
  EXPECT_EQ(numbering.number_of("z0013_20240131.tif"), 13);
  EXPECT_EQ(numbering.number_of("zz_20240131.tif"), std::nullopt);
  EXPECT_EQ(decided({"slice_0118.tif"}, "*#.tif").number_of("slice_0119.tif"), 119);
  const auto positions = decided({"z_0.5.tif"}, "z_#.tif");
  EXPECT_FALSE(positions.counts());
  EXPECT_TRUE(positions.is_before("z_0.5.tif", 0, "z_10.25.tif", 0));
}

TEST(SliceNumberingTest, RefusesPatternsWithoutSense) {
  EXPECT_THROW(SliceNumbering("#_#.tif"), std::invalid_argument);
  EXPECT_THROW(SliceNumbering("run/*.tif"), std::invalid_argument);
}

}  // namespace
}  // namespace fibflow::io
