#include "io/folder/slice_numbering.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace fibflow::pipeline {
namespace {

TEST(SliceNumberingTest, TakesTheLastNumberOfATiffFilesName) {
  const SliceNumbering numbering;
  EXPECT_EQ(numbering.number_of("slice_0118.tif"), 118);
  EXPECT_EQ(numbering.number_of("run2/day3/slice_0118.TIFF"), 118);
  EXPECT_EQ(numbering.number_of("run.5.slice_7.tif"), 7);
  EXPECT_EQ(numbering.number_of("s9.ome.tif"), 9);
  EXPECT_EQ(numbering.number_of("slice_0003_final.tif"), 3);
  EXPECT_EQ(numbering.number_of("0.tif"), 0);
}

TEST(SliceNumberingTest, KnowsWhatIsNoSlice) {
  const SliceNumbering numbering;
  EXPECT_EQ(numbering.number_of("slice.tif"), std::nullopt);
  EXPECT_EQ(numbering.number_of("2024/slice.tif"), std::nullopt) << "folders have no say";
  EXPECT_EQ(numbering.number_of("slice_3.png"), std::nullopt);
  EXPECT_EQ(numbering.number_of("slice_3.tif.part"), std::nullopt);
  EXPECT_EQ(numbering.number_of("slice_99999999999999999999.tif"), std::nullopt);
}

TEST(SliceNumberingTest, MatchesAPatternAsItStands) {
  const SliceNumbering numbering("slice_*.tif");
  EXPECT_EQ(numbering.number_of("slice_12.tif"), 12);
  EXPECT_EQ(numbering.number_of("overview_12.tif"), std::nullopt);
  EXPECT_EQ(numbering.number_of("slice_12xtif"), std::nullopt);
  EXPECT_EQ(SliceNumbering("img???.dat").number_of("img017.dat"), 17);
  EXPECT_EQ(SliceNumbering("slice.*").number_of("slice.017"), 17);
}

TEST(SliceNumberingTest, AMarkInThePatternSaysWhereTheNumberIs) {
  const SliceNumbering numbering("z#_20*.tif");
  EXPECT_EQ(numbering.number_of("z0012_20240131.tif"), 12);
  EXPECT_EQ(numbering.number_of("zz_20240131.tif"), std::nullopt);
}

TEST(SliceNumberingTest, RefusesPatternsWithoutSense) {
  EXPECT_THROW(SliceNumbering("#_#.tif"), std::invalid_argument);
  EXPECT_THROW(SliceNumbering("run/*.tif"), std::invalid_argument);
}

}  // namespace
}  // namespace fibflow::pipeline
