#include "tests/pipeline/live/acquisition_fixture.h"

namespace fibflow::pipeline {
namespace {

/// Names as a writer makes them, one after the other; each with its own gray.
class AcquisitionNamesTest : public AcquisitionTest {
 protected:
  AcquisitionNamesTest() {
    options.first.reset();
    options.wait_missing = milliseconds(500);
  }

  /// The files in the order in which they are given: each comes when those before it can be had.
  std::vector<std::string> followed(const std::vector<std::string>& names) {
    start();
    std::vector<std::string> files;
    const auto take_all = [&] {
      while (const auto taken = acquisition->take()) files.push_back(taken->file);
    };
    for (const std::string& name : names) {
      write(name, tiff(static_cast<int>(files.size())));
      acquisition->rescan();
      take_all();
    }
    acquisition->close();
    while (!acquisition->at_end()) take_all();
    return files;
  }
};

using Names = std::vector<std::string>;

TEST_F(AcquisitionNamesTest, PositionsGoAlong) {
  const Names names = {"slice_00001_z=0.1568um.tif", "slice_00002_z=0.1964um.tif",
                       "slice_00003_z=0.2013um.tif", "slice_00004_z=0.9987um.tif",
                       "slice_00005_z=1.0021um.tif", "slice_00006_z=1.1555um.tif",
                       "slice_00007_z=2.2013um.tif"};
  EXPECT_EQ(followed(names), names);
  EXPECT_EQ(acquisition->counts().skipped, 0U);
  EXPECT_NE(notes.front().text.find("by # of 'slice_#_z=*um'"), std::string::npos) << notes.front().text;
}

TEST_F(AcquisitionNamesTest, TimesAndDecimalsAreNeverMissing) {
  const Names times = {"img_20261126_235901.tif", "img_20261126_235958.tif", "img_20261127_000102.tif",
                       "img_20261127_000203.tif", "img_20261127_010203.tif"};
  EXPECT_EQ(followed(times), times);
  EXPECT_EQ(acquisition->counts().skipped, 0U);
  fs::remove_all(options.folder);
  fs::create_directory(options.folder);
  notes.clear();
  const Names decimals = {"z_0.tif", "z_0.25.tif", "z_0.5.tif", "z_0.75.tif", "z_1.tif", "z_1.25.tif"};
  EXPECT_EQ(followed(decimals), decimals);
  acquisition->commit();
  write("z_1.1.tif", tiff(1));
  acquisition->rescan();
  EXPECT_TRUE(ready().empty());
  EXPECT_EQ(note(Kind::late).file, "z_1.1.tif");
}

TEST_F(AcquisitionNamesTest, WhatComesBetweenIsTakenWhileNothingWasDoneWithTheFirstSlices) {
  for (const char* name : {"z_0.5.tif", "z_1.tif", "z_1.25.tif", "z_1.75.tif"}) write(name, tiff(1));
  start();
  for (int i = 0; i < 3; ++i) next();
  write("z_0.75.tif", tiff(1));
  acquisition->rescan();
  Names names;
  for (int i = 0; i < 5; ++i) names.push_back(next().file);
  EXPECT_EQ(names, (Names{"z_0.5.tif", "z_0.75.tif", "z_1.tif", "z_1.25.tif", "z_1.75.tif"}));
  EXPECT_EQ(acquisition->counts().seen, 5u);
}

TEST_F(AcquisitionNamesTest, TilesThatStayTheSameAreNoNumbers) {
  const Names names = {"run_000_0-0-0.tif", "run_001_0-0-0.tif", "run_002_0-0-0.tif", "run_003_0-0-0.tif"};
  EXPECT_EQ(followed(names), names);
}

TEST_F(AcquisitionNamesTest, ADateMayChangeOnTheWay) {
  const Names names = {"2026-11-26_slice_1.tif", "2026-11-26_slice_2.tif", "2026-11-27_slice_3.tif",
                       "2026-11-28_slice_4.tif"};
  EXPECT_EQ(followed(names), names);
}

TEST_F(AcquisitionNamesTest, ByTheirTimesIfThatIsWanted) {
  options.open.order = io::FileOrder::time;
  const Names names = {"z.tif", "b.tif", "a7.tif", "a3.tif"};
  EXPECT_EQ(followed(names), names);
}

TEST_F(AcquisitionNamesTest, SeveralSeriesAreRefusedWhetherTheyComeTogetherOrInTurn) {
  for (const char* name : {"D1 - 001.tif", "D2 - 001.tif", "D1 - 002.tif", "D2 - 002.tif"})
    write(name, tiff(1));
  start();
  EXPECT_FALSE(acquisition->take());
  EXPECT_NE(acquisition->refusal().find("--pattern: 'D1 - #*' (2 files), 'D2 - #*'"), std::string::npos)
      << acquisition->refusal();
  fs::remove_all(options.folder);
  fs::create_directory(options.folder);
  EXPECT_TRUE(followed({"D1 - 001.tif", "D2 - 001.tif", "D1 - 002.tif", "D2 - 002.tif"}).empty());
  EXPECT_NE(acquisition->refusal(), "");
}

TEST_F(AcquisitionNamesTest, ASecondSeriesThatComesLaterIsRefusedWhenItHasAsMany) {
  Names names;
  for (int i = 10; i < 26; ++i) names.push_back("D1 - " + std::to_string(i) + ".tif");
  for (int i = 10; i < 26; ++i) names.push_back("D2 - " + std::to_string(i) + ".tif");
  EXPECT_EQ(followed(names).size(), 16U);
  EXPECT_EQ(acquisition->counts().repeated, 16U);
  EXPECT_NE(acquisition->refusal().find("16 have the number of another one"), std::string::npos)
      << acquisition->refusal();
}

TEST_F(AcquisitionNamesTest, MostOfTheFirstSlicesDecideTheSize) {
  options.first_together = 3;
  write("slice_1.tif", tiff(1, 6, 6));
  start();
  EXPECT_FALSE(acquisition->take());
  slice(2);
  slice(3);
  acquisition->rescan();
  EXPECT_EQ(next().number, 2);
  EXPECT_EQ(next().number, 3);
  EXPECT_NE(note(Kind::failed).text.find("6 x 6 voxels instead of the 10 x 12"), std::string::npos);
}

TEST_F(AcquisitionNamesTest, StopsWhenManyInARowCannotBeUsed) {
  slice(1);
  slice(2);
  for (int i = 3; i < 13; ++i) write("slice_" + std::to_string(i) + ".tif", tiff(1, 6, 6));
  start();
  EXPECT_EQ(ready(), (Numbers{1, 2}));
  EXPECT_NE(acquisition->refusal().find("10 slices in a row cannot be used, the last of them 'slice_12.tif'"),
            std::string::npos)
      << acquisition->refusal();
  acquisition->close();
  EXPECT_TRUE(ready().empty());
  EXPECT_TRUE(acquisition->at_end());
}

}  // namespace
}  // namespace fibflow::pipeline
