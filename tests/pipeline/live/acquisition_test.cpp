#include <algorithm>
#include <numeric>
#include <random>
#include <thread>

#include "tests/pipeline/live/acquisition_fixture.h"

namespace fibflow::pipeline {
namespace {

TEST_F(AcquisitionTest, GivesSlicesInOrderHoweverTheyCome) {
  slice(3);
  slice(1);
  start();
  EXPECT_EQ(ready(), Numbers{1});
  EXPECT_EQ(acquisition->obstacle(), "slice 2 is missing, slice 3 is there");
  slice(10);
  slice(2);
  EXPECT_EQ(next().number, 2);
  EXPECT_EQ(ready(), Numbers{3});
  EXPECT_EQ(acquisition->counts().seen, 4u);
  EXPECT_EQ(acquisition->counts().pending, 1u);
}

TEST_F(AcquisitionTest, GivesTheVoxelsAndTheFilesState) {
  write("slice_1.tif", tiff(40));
  start();
  const AcquiredSlice taken = next();
  EXPECT_EQ(taken.file, "slice_1.tif");
  EXPECT_EQ(taken.slice.z(), 1);
  EXPECT_EQ(taken.slice.as<std::uint8_t>()[3], 43);
  EXPECT_EQ(taken.identity, io::identify(options.folder + "/slice_1.tif"));
  EXPECT_EQ(taken.info.height, 12);
}

TEST_F(AcquisitionTest, WaitsUntilAFileHasSettled) {
  options.settle = never;
  slice(1);
  start();
  EXPECT_FALSE(acquisition->take());
  EXPECT_EQ(acquisition->obstacle(), "the first slices are coming");
}

TEST_F(AcquisitionTest, SettlingBeginsAgainWithEachChangeWhateverTheFilesClockSays) {
  options.settle = milliseconds(300);
  slice(1);
  start();
  acquisition->take();
  const auto before = std::chrono::steady_clock::now();
  write("slice_1.tif", tiff(90));
  fs::last_write_time(options.folder + "/slice_1.tif",
                      fs::file_time_type::clock::now() - std::chrono::hours(5));
  const AcquiredSlice taken = next();
  EXPECT_EQ(taken.slice.as<std::uint8_t>()[0], 90);
  EXPECT_GE(std::chrono::steady_clock::now() - before, options.settle);
}

TEST_F(AcquisitionTest, BeginsWithTheLowestNumberThatIsThereFirst) {
  options.first.reset();
  options.settle = milliseconds(100);
  slice(118);
  slice(117);
  start();
  EXPECT_EQ(next().number, 117);
  EXPECT_EQ(note(Kind::first).first, 117);
  acquisition->commit();
  slice(5);
  EXPECT_EQ(note(Kind::late).first, 5);
  EXPECT_EQ(acquisition->counts().late, 1u);
  EXPECT_EQ(acquisition->counts().before_first, 1u);
}

TEST_F(AcquisitionTest, BeginsAgainForALowerNumberWhileNothingWasDoneWithTheFirstSlices) {
  options.first.reset();
  options.settle = milliseconds(50);
  slice(12);
  slice(11);
  start();
  EXPECT_EQ(next().number, 11);
  EXPECT_EQ(next().number, 12);
  slice(10);
  EXPECT_EQ(note(Kind::earlier).file, "slice_10.tif");
  EXPECT_EQ(acquisition->restarts(), 1u);
  for (const int number : {10, 11, 12}) EXPECT_EQ(next().number, number);
  EXPECT_EQ(acquisition->counts().seen, 3u);
  EXPECT_EQ(acquisition->counts().pending, 0u);
  EXPECT_EQ(acquisition->counts().late, 0u);
}

TEST_F(AcquisitionTest, GivesAFileUpThatDoesNotStopChangingWhileLaterOnesAreThere) {
  options.settle = milliseconds(30);
  options.wait_missing = milliseconds(300);
  slice(1);
  slice(2);
  start();
  const std::string bytes = tiff(1);
  std::optional<AcquiredSlice> taken;
  for (std::size_t i = 0; !taken; ++i) {
    write("slice_1.tif", bytes + std::string(i, '.'));
    taken = acquisition->take();
    acquisition->wait(milliseconds(5));
  }
  EXPECT_EQ(taken->number, 2);
  EXPECT_EQ(note(Kind::failed).text, "slice 1 is left out: slice_1.tif: it did not stop changing");
}

TEST_F(AcquisitionTest, ClosedDoesNotWaitForAFileThatDoesNotStopChanging) {
  options.settle = milliseconds(30);
  slice(1);
  start();
  ready();
  acquisition->close();
  const std::string bytes = tiff(1);
  for (std::size_t i = 0; !acquisition->at_end(); ++i) {
    write("slice_1.tif", bytes + std::string(i, '.'));
    ready();
    acquisition->wait(milliseconds(5));
  }
  EXPECT_EQ(acquisition->counts().failed, 1u);
}

TEST_F(AcquisitionTest, SkipsAMissingNumberOnlyWhenLaterOnesHaveBeenThereForLong) {
  options.wait_missing = milliseconds(200);
  slice(1);
  start();
  next();
  const auto before = std::chrono::steady_clock::now();
  slice(4);
  EXPECT_EQ(next().number, 4);
  EXPECT_GE(std::chrono::steady_clock::now() - before, options.wait_missing);
  const AcquisitionNote skipped = note(Kind::skipped);
  EXPECT_EQ(skipped.first, 2);
  EXPECT_EQ(skipped.last, 3);
  EXPECT_EQ(acquisition->counts().skipped, 2u);
  slice(3);
  EXPECT_EQ(note(Kind::late).first, 3);
  EXPECT_TRUE(ready().empty());
}

TEST_F(AcquisitionTest, WaitsForANumberWithoutEndWhileNothingLaterIsThere) {
  options.wait_missing = milliseconds(0);
  slice(1);
  start();
  EXPECT_EQ(ready(), Numbers{1});
  EXPECT_EQ(acquisition->obstacle(), "slice 2 is not there yet");
  EXPECT_EQ(count(Kind::skipped), 0u);
}

TEST_F(AcquisitionTest, TriesAFileThatCannotBeDecodedAgainAndTakesItWhenItCan) {
  write("slice_1.tif", tiff(1).substr(0, 150));
  slice(2);
  start();
  EXPECT_FALSE(acquisition->take());
  EXPECT_NE(acquisition->obstacle().find("slice_1.tif"), std::string::npos);
  slice(1);
  EXPECT_EQ(next().number, 1);
  EXPECT_EQ(next().number, 2);
}

TEST_F(AcquisitionTest, GivesAFileThatStaysUnusableUpAsIfItWereMissing) {
  options.wait_missing = milliseconds(100);
  write("slice_1.tif", "no TIFF at all");
  slice(2);
  start();
  EXPECT_EQ(next().number, 2);
  const AcquisitionNote failed = note(Kind::failed);
  EXPECT_EQ(failed.first, 1);
  EXPECT_NE(failed.text.find("not a TIFF file"), std::string::npos) << failed.text;
  EXPECT_EQ(failed.identity, io::identify(options.folder + "/slice_1.tif"));
}

TEST_F(AcquisitionTest, LeavesOutASliceOfAnotherSizeAndGoesOn) {
  slice(1);
  write("slice_2.tif", tiff(1, 12, 11));
  slice(3);
  start();
  EXPECT_EQ(ready(), (Numbers{1, 3}));
  EXPECT_NE(note(Kind::failed).text.find("11 x 12 voxels instead of the 10 x 12 of 'slice_1.tif'"),
            std::string::npos)
      << note(Kind::failed).text;
}

TEST_F(AcquisitionTest, AFileOfAnotherSizeDoesNotTakeTheNumberOfASlice) {
  slice(1);
  write("slice_02.tif", tiff(1, 12, 11));
  slice(2);
  start();
  ASSERT_EQ(ready(), (Numbers{1, 2}));
  EXPECT_EQ(note(Kind::duplicate).file, "slice_02.tif");
  EXPECT_EQ(count(Kind::failed), 0u);
}

TEST_F(AcquisitionTest, WaitsLongForAFileWhoseEndIsZero) {
  write("slice_1.tif", tiff(1, 12, 10, 3));
  slice(2);
  start();
  EXPECT_FALSE(acquisition->take());
  EXPECT_EQ(acquisition->obstacle(), "slice_1.tif ends in zeros: it may not be written to its end");
  slice(1);
  EXPECT_EQ(next().slice.as<std::uint8_t>()[119], 20);
}

TEST_F(AcquisitionTest, TakesABlackEndThatStaysWhenALaterSliceIsThere) {
  options.wait_black = milliseconds(100);
  write("slice_1.tif", tiff(1, 12, 10, 3));
  start();
  EXPECT_FALSE(acquisition->take());
  slice(2);
  EXPECT_EQ(next().number, 1);
  EXPECT_EQ(note(Kind::black_end).file, "slice_1.tif");
}

TEST_F(AcquisitionTest, TellsOfFilesThatChangeAfterTheyWereTakenAndOfSecondFiles) {
  slice(1);
  start();
  next();
  write("slice_01.tif", tiff(5));
  EXPECT_EQ(note(Kind::duplicate).file, "slice_01.tif");
  write("slice_1.tif", tiff(5) + "longer");
  EXPECT_EQ(note(Kind::replaced).file, "slice_1.tif");
  EXPECT_TRUE(ready().empty());
  EXPECT_EQ(acquisition->counts().late, 2u);
}

TEST_F(AcquisitionTest, TakesOneOfTwoFilesWithOneNumberAndTellsOfTheOther) {
  write("slice_1.tif", tiff(1));
  write("slice_001.tif", tiff(1));
  start();
  EXPECT_EQ(next().file, "slice_001.tif");
  EXPECT_EQ(note(Kind::duplicate).file, "slice_1.tif");
  EXPECT_EQ(acquisition->counts().pending, 0u);
}

TEST_F(AcquisitionTest, IgnoresForeignFilesWithOneNote) {
  write("notes.txt", "x");
  write("overview.tif", "x");
  slice(1);
  start();
  EXPECT_EQ(next().number, 1);
  write("more.txt", "x");
  slice(2);
  EXPECT_EQ(next().number, 2);
  EXPECT_EQ(count(Kind::foreign), 1u);
}

TEST_F(AcquisitionTest, LosesNothingWhenTheFolderGoesAndComesBack) {
  options.wait_missing = milliseconds(0);
  slice(1);
  start();
  next();
  slice(3);
  fs::rename(options.folder, folder / "away");
  note(Kind::folder_gone);
  EXPECT_FALSE(acquisition->take()) << "slice 2 is not given up while nobody can know";
  EXPECT_EQ(count(Kind::skipped), 0u);
  std::ofstream(folder / "away/slice_2.tif", std::ios::binary) << tiff(2);
  fs::rename(folder / "away", options.folder);
  EXPECT_EQ(next().number, 2);
  EXPECT_EQ(next().number, 3);
  EXPECT_EQ(count(Kind::folder_back), 1u);
  EXPECT_EQ(count(Kind::late), 0u);
}

TEST_F(AcquisitionTest, AFileThatIsOutOfReachForAMomentIsNotForgotten) {
  options.notify = false;
  options.poll = never;
  options.settle = milliseconds(300);
  slice(1);
  start();
  EXPECT_FALSE(acquisition->take()) << "it has to settle";
  // A network share that is away between two looks at the folder: noticed where the file is to be read.
  fs::rename(options.folder, folder / "away");
  while (acquisition->counts().pending > 0) acquisition->take();
  fs::rename(folder / "away", options.folder);
  acquisition->rescan();
  acquisition->take();
  ASSERT_EQ(acquisition->counts().pending, 1u);
  EXPECT_EQ(next().number, 1);
}

TEST_F(AcquisitionTest, ClosedTakesWhatIsThereWithoutWaiting) {
  write("slice_1.tif", tiff(1, 12, 10, 3));
  write("slice_3.tif", "damaged");
  slice(5);
  start();
  EXPECT_TRUE(ready().empty());
  EXPECT_FALSE(acquisition->at_end());
  acquisition->close();
  EXPECT_FALSE(acquisition->at_end()) << "the folder may hold what was not seen yet";
  EXPECT_EQ(ready(), (Numbers{1, 5}));
  EXPECT_TRUE(acquisition->at_end());
  EXPECT_EQ(acquisition->counts().skipped, 2u);
  EXPECT_EQ(acquisition->counts().failed, 1u);
}

TEST_F(AcquisitionTest, ADateInANameMakesNothingMissing) {
  options.wait_missing = milliseconds(0);
  options.max_gap = 101;
  slice(1);
  slice(20261122);
  start();
  EXPECT_EQ(ready(), Numbers{1});
  EXPECT_EQ(count(Kind::skipped), 0u);
  EXPECT_EQ(note(Kind::foreign).file, "slice_20261122.tif");
  slice(103);
  EXPECT_EQ(next().number, 103) << "as many as may be missing";
  EXPECT_EQ(acquisition->counts().skipped, 101u);
  acquisition->close();
  EXPECT_TRUE(ready().empty());
  EXPECT_TRUE(acquisition->at_end());
  EXPECT_EQ(acquisition->counts().skipped, 101u);
  EXPECT_EQ(acquisition->counts().pending, 0u);
}

TEST_F(AcquisitionTest, CountsInSteps) {
  options.step = 8;
  options.first.reset();
  slice(16);
  slice(24);
  slice(30);
  start();
  while (acquisition->counts().seen == 0 || !acquisition->next()) {
    acquisition->wait(never);
    if (acquisition->take()) break;
  }
  EXPECT_EQ(ready(), Numbers{24});
  EXPECT_EQ(count(Kind::foreign), 1u);
}

TEST_F(AcquisitionTest, BeginsThoughFilesNeverStopComingIfTheyComeInOrder) {
  options.settle = std::chrono::milliseconds(40);
  options.first.reset();
  start();
  int come = 0;
  std::optional<AcquiredSlice> first;
  for (; come < 2000 && !first; ++come) {
    slice(100 + come);
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    first = acquisition->take();
  }
  ASSERT_TRUE(first) << "it waits for a pause that does not come: " << acquisition->obstacle();
  EXPECT_EQ(first->number, 100);
  EXPECT_GT(come, 12);
}

TEST(AcquisitionOrderTest, ACopyInAnyOrderIsNotTakenForOneInOrder) {
  constexpr std::size_t many = 2000;
  std::vector<std::string> all;
  for (std::size_t number = 0; number < many; ++number)
    all.push_back("run/slice_" + std::to_string(1000 + 5 * number) + ".tif");
  const auto first_of = [&](std::size_t count) {
    return Acquisition::are_in_order({all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count)});
  };
  for (const std::size_t count : {std::size_t{12}, std::size_t{100}, many})
    EXPECT_TRUE(first_of(count)) << count;
  EXPECT_FALSE(first_of(11)) << "too few to tell";
  // Some change places, and one never comes.
  for (std::size_t i = 50; i + 6 < many; i += 40) std::swap(all[i], all[i + 5]);
  all.erase(all.begin() + 20);
  for (std::size_t count = 300; count < many; count += 211) EXPECT_TRUE(first_of(count)) << count;
  std::shuffle(all.begin(), all.end(), std::mt19937(3));
  for (std::size_t count = 12; count < many - 60; count += 53) EXPECT_FALSE(first_of(count)) << count;
  EXPECT_FALSE(Acquisition::are_in_order({"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"}));
}

TEST_F(AcquisitionTest, GoesOnWhereAnEarlierProcessStopped) {
  for (int number = 1; number <= 7; ++number) slice(number);
  const auto past_file = [&](int number) {
    const std::string name = "slice_" + std::to_string(number) + ".tif";
    const auto identity = io::identify(options.folder + "/" + name).value();
    return AcquisitionPast::File{name, identity.size, identity.modified_ns};
  };
  AcquisitionPast past;
  io::SliceNumbering numbering;
  ASSERT_TRUE(numbering.decide({"slice_1.tif", "slice_2.tif"}, false, false));
  past.numbering = numbering.saved();
  past.first = 1;
  past.next = 3;
  past.each_taken = [one = past_file(1), two = past_file(2)](const AcquisitionPast::TakeFile& take) {
    take(1, one);
    take(2, two);
  };
  past.failed = {{4, past_file(4)}};
  past.skipped = {{5, 6}};
  past.height = 12;
  past.width = 10;
  write("slice_1.tif", tiff(7) + " replaced meanwhile");
  write("slice_7.tif", tiff(7, 5, 5));
  start().resume(past);
  EXPECT_EQ(ready(), Numbers{3}) << "decisions of the earlier process hold, and so does the size";
  EXPECT_EQ(count(Kind::replaced), 1u);
  EXPECT_EQ(count(Kind::first), 0u);
  EXPECT_EQ(note(Kind::failed).first, 7);
  EXPECT_EQ(acquisition->counts().skipped, 2u);
  EXPECT_EQ(acquisition->counts().failed, 2u);
}

TEST_F(AcquisitionTest, RefusesOptionsWithoutSense) {
  options.step = 0;
  EXPECT_THROW(start(), std::invalid_argument);
}

TEST_F(AcquisitionTest, FindsTheStepAndTakesItBack) {
  options.first.reset();
  for (const int number : {100, 110, 120}) slice(number);
  start();
  EXPECT_EQ(ready(), (Numbers{100, 110, 120}));
  EXPECT_EQ(acquisition->next(), 130);
  EXPECT_EQ(notes.back().last, 10) << notes.back().text;
  slice(125);
  EXPECT_EQ(next().number, 125);
  EXPECT_EQ(notes.back().kind, Kind::numbered);
  EXPECT_EQ(notes.back().last, 5);
}

}  // namespace
}  // namespace fibflow::pipeline
