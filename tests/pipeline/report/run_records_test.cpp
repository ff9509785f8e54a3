#include "pipeline/report/run_records.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "io/error.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow::pipeline {
namespace {

SliceRecord record(std::int64_t z) {
  SliceRecord slice;
  slice.z = z;
  slice.seconds = 1.0 / 3;
  slice.work_seconds = 0.5;
  slice.foreground = 0.001 * static_cast<double>(z % 1000);
  slice.entropy = 0.1;
  slice.measured = z % 2 == 0;
  if (slice.measured) slice.measure_seconds = 0.125;
  slice.drift_from_source = 0.25;
  if (z % 3 == 0) slice.slice_drift = 1e-7 * static_cast<double>(z);
  return slice;
}

std::vector<std::int64_t> visited(const RunRecords& records) {
  std::vector<std::int64_t> all;
  records.visit([&](const SliceRecord& slice) {
    EXPECT_EQ(slice.foreground, record(slice.z).foreground);
    EXPECT_EQ(slice.slice_drift, record(slice.z).slice_drift);
    EXPECT_EQ(slice.measured, record(slice.z).measured);
    EXPECT_EQ(slice.measure_seconds, record(slice.z).measure_seconds);
    all.push_back(slice.z);
  });
  return all;
}

class RunRecordsTest : public ::testing::Test {
 protected:
  testing::TemporaryFolder folder;
  const std::string path = folder / ".m.tif.journal";
};

TEST_F(RunRecordsTest, GivesBackFewAndMany) {
  for (const std::size_t many : {std::size_t{0}, std::size_t{1}, RunRecords::in_memory,
                                 RunRecords::in_memory + 1, 3 * RunRecords::in_memory + 5}) {
    RunRecords records(folder / "");
    std::vector<std::int64_t> all;
    for (std::size_t z = 0; z < many; ++z) {
      records.add(record(static_cast<std::int64_t>(z)));
      all.push_back(static_cast<std::int64_t>(z));
    }
    EXPECT_EQ(visited(records), all);
    EXPECT_EQ(visited(records), all) << "as often as it is asked";
    EXPECT_EQ(records.sums().count(), static_cast<std::int64_t>(many));
    EXPECT_EQ(records.bytes(), 0u);
    EXPECT_TRUE(std::filesystem::is_empty(folder / "")) << "a kill leaves nothing";
  }
}

TEST_F(RunRecordsTest, GoesOnWithWhatItsCheckpointKnows) {
  std::uint64_t known = 0;
  {
    RunRecords records(path, 0);
    for (const std::int64_t z : {0, 1, 2}) records.add(record(z));
    records.add(RunEvent{2, "begun anew", "changed"});
    records.sync();
    known = records.bytes();
    records.add(record(3));
    records.add(RunEvent{3, "reopened", "lost"});
  }
  EXPECT_NO_THROW(require_records(path, known, 3));
  EXPECT_THROW(require_records(path, known, 4), std::invalid_argument);
  RunRecords records(path, known);
  EXPECT_EQ(visited(records), (std::vector<std::int64_t>{0, 1, 2}));
  ASSERT_EQ(records.events().size(), 1u);
  EXPECT_EQ(records.events()[0].text, "changed");
  records.add(record(3));
  EXPECT_EQ(visited(records), (std::vector<std::int64_t>{0, 1, 2, 3}));
  EXPECT_EQ(records.sums().count(), 4);
}

TEST_F(RunRecordsTest, DamageIsFound) {
  std::uint64_t known = 0;
  {
    RunRecords records(path, 0);
    for (const std::int64_t z : {0, 1}) records.add(record(z));
    known = records.bytes();
  }
  const std::string whole = testing::bytes_of(path);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] ^= 1;
    folder.write(".m.tif.journal", damaged);
    EXPECT_THROW(require_records(path, known, 2), std::invalid_argument) << at;
    EXPECT_THROW(RunRecords(path, known), io::Error) << at;
  }
  folder.write(".m.tif.journal", whole.substr(1));
  EXPECT_THROW(RunRecords(path, known), io::Error);
}

/// A checksum says that a line is as it was written, not by whom.
TEST_F(RunRecordsTest, ACraftedLineIsRefused) {
  for (const char* text : {"", "s", "s{}", "sx", "s[[[[[[[[", "e{\"z\":1}", "q{}", "s{\"z\":\"one\"}"}) {
    folder.write(".m.tif.journal", checked_line(text));
    const std::uint64_t known = std::filesystem::file_size(path);
    EXPECT_ANY_THROW(require_records(path, known, 1)) << text;
    EXPECT_THROW(RunRecords(path, known), io::Error) << text;
  }
  folder.write(".m.tif.journal", checked_line("s" + std::string(500'000, '[')));
  EXPECT_THROW(RunRecords(path, std::filesystem::file_size(path)), io::Error);
}

TEST_F(RunRecordsTest, WhatJsonCannotSayComesBack) {
  SliceRecord odd = record(0);
  odd.drift_from_source = std::numeric_limits<double>::infinity();
  RunRecords records(path, 0);
  records.add(odd);
  records.visit([](const SliceRecord& slice) {
    EXPECT_EQ(slice.drift_from_source, std::numeric_limits<double>::infinity());
  });
}

TEST(SliceSumsTest, AreThoseOfTheSlices) {
  SliceSums sums;
  EXPECT_EQ(sums.foreground().mean, 0);
  EXPECT_FALSE(sums.farthest());
  for (const double foreground : {0.5, 0.1, 0.9}) {
    SliceRecord slice;
    slice.z = sums.count();
    slice.foreground = foreground;
    slice.work_seconds = 2;
    slice.measured = slice.z == 1;
    slice.measure_seconds = slice.measured ? 3 : 0.25;
    slice.drift_from_source = static_cast<double>(slice.z);
    if (slice.z > 0) slice.slice_drift = 0.25;
    sums.add(slice);
  }
  EXPECT_DOUBLE_EQ(sums.foreground().mean, 0.5);
  EXPECT_EQ(sums.foreground().least, 0.1);
  EXPECT_EQ(sums.foreground().most, 0.9);
  EXPECT_EQ(sums.last_drift_from_source(), 2);
  ASSERT_TRUE(sums.farthest());
  EXPECT_EQ(sums.farthest()->z, 1) << "the first of equals";
  EXPECT_EQ(sums.costs()[0].slices, 3);
  EXPECT_EQ(sums.costs()[0].mean_seconds(), 2);
  EXPECT_EQ(sums.costs()[1].slices, 1);
  EXPECT_EQ(sums.costs()[1].mean_seconds(), 3);
  EXPECT_EQ(SliceSums().costs()[1].mean_seconds(), 0);
}

}  // namespace
}  // namespace fibflow::pipeline
