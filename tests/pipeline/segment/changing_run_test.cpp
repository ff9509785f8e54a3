// Whole runs over acquisitions that change: the estimate begins anew in time, and only then.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/formats/formats.h"
#include "model/statistics/drift.h"
#include "pipeline/report/run_report.h"
#include "pipeline/segment/run.h"
#include "tests/fixtures/jitter.h"
#include "tests/fixtures/run_report.h"
#include "tests/fixtures/temporary_folder.h"
#include "tests/fixtures/textured_stack.h"

namespace fibflow::pipeline {
namespace {

using testing::small_network;

constexpr int height = 40;
constexpr int width = 56;

/// What happens to the acquisition: the gray level at a place of a slice.
struct Change {
  std::string name;
  std::function<double(const io::Slice&, int y, int x)> gray;
};

void PrintTo(const Change& change, std::ostream* out) {
  *out << change.name;
}

double at(const io::Slice& slice, int y, int x) {
  const auto voxels = slice.as<std::uint8_t>();
  const int row = std::clamp(y, 0, height - 1);
  const int column = std::clamp(x, 0, width - 1);
  return voxels[static_cast<std::size_t>(row * width + column)];
}

double mean_around(const io::Slice& slice, int y, int x) {
  double sum = 0;
  for (int dy = -4; dy <= 4; ++dy) {
    for (int dx = -4; dx <= 4; ++dx) sum += at(slice, y + dy, x + dx) / 81;
  }
  return sum;
}

const Change changes[] = {
    {"brightness", [](const io::Slice& slice, int y, int x) { return at(slice, y, x) + 60; }},
    {"darkness", [](const io::Slice& slice, int y, int x) { return at(slice, y, x) - 60; }},
    {"contrast", [](const io::Slice& slice, int y, int x) { return 125 + 0.4 * (at(slice, y, x) - 125); }},
    {"blur", mean_around},
    {"all", [](const io::Slice& slice, int y, int x) { return 0.4 * mean_around(slice, y, x) + 130; }},
};

/// Slices of one kind, and from `jump` on of another.
io::MemoryStack changing_stack(std::int64_t depth, std::int64_t jump, const Change& change) {
  io::StackInfo info;
  info.path = "changing";
  info.depth = depth;
  info.height = height;
  info.width = width;
  return {std::move(info), [jump, &change](std::int64_t z) {
            const io::Slice slice = testing::textured_slice(z, height, width);
            if (z < jump) return slice;
            return testing::make_slice<std::uint8_t>(z, height, width, [&](int y, int x) {
              return static_cast<std::uint8_t>(std::clamp(std::lround(change.gray(slice, y, x)), 0L, 255L));
            });
          }};
}

/// As for a live acquisition: the probe cannot know what is to come.
AdaptationOptions options(int every, int lag = 1) {
  AdaptationOptions adaptation;
  adaptation.measure_every = every;
  adaptation.lag = lag;
  adaptation.probe_order = ProbeOrder::first;
  adaptation.comparison = 0;
  return adaptation;
}

/// What became of the slices, and nothing else.
Outcome run_over(io::Stack& stack, const AdaptationOptions& adaptation, const ResourceOptions& resources) {
  const testing::TemporaryFolder folder;
  OutputOptions output;
  output.mask = folder / "m.tif";
  return segment(stack, small_network(), {}, adaptation, output, resources);
}

std::vector<std::string> events_of(const RunReport& report) {
  std::vector<std::string> events;
  for (const RunEvent& event : report.events) events.push_back(event.event);
  return events;
}

using Events = std::vector<std::string>;

class ChangingRunTest : public ::testing::TestWithParam<Change> {};

TEST_P(ChangingRunTest, BeginsAnewWithinTheStatedNumberOfSlices) {
  constexpr int every = 5;
  constexpr int lag = 3;
  for (const std::int64_t jump : {60, 63}) {
    io::MemoryStack stack = changing_stack(90, jump, GetParam());
    const Outcome outcome = run_over(stack, options(every, lag), {2, 0, 32});
    const RunReport& report = *outcome.report;
    ASSERT_EQ(events_of(report), Events{"begun anew"});
    EXPECT_GE(report.events[0].z, jump + 1);
    EXPECT_LE(report.events[0].z + lag, jump + every - 1 + 1 + lag);  // of two slices that depart
    const std::vector<SliceRecord> slices = testing::slices_of(report);
    for (const SliceRecord& slice : slices) {
      const bool at_the_change = slice.z >= jump && slice.z <= report.events[0].z;
      EXPECT_TRUE(slice.measured == ((slice.z + 1) % every == 0) || at_the_change) << "slice " << slice.z;
      EXPECT_EQ(slice.slice_drift.has_value(), slice.measured);
      EXPECT_GE(slice.entropy, 0);
      EXPECT_LE(slice.entropy, 1);
      EXPECT_GT(slice.work_seconds, 0);
      EXPECT_GT(slice.measure_seconds, 0) << "the first layer of each is measured";
    }
    // What the last slices are segmented with is theirs: nearer to them than to those before the change.
    EXPECT_LT(*slices.at(89).slice_drift,
              0.1 * *slices.at(static_cast<std::size_t>(report.events[0].z)).slice_drift);
  }
}

INSTANTIATE_TEST_SUITE_P(Changes, ChangingRunTest, ::testing::ValuesIn(changes),
                         [](const auto& change) { return change.param.name; });

TEST(StreamRunTest, NothingBeginsAnewWhereNothingChanges) {
  io::MemoryStack stack = changing_stack(250, 1'000'000, changes[0]);
  EXPECT_TRUE(run_over(stack, options(3), {2, 0, 0}).report->events.empty());
}

TEST(StreamRunTest, AProbeOverAChangeIsGivenUp) {
  // Spread over both halves, it fits neither.
  io::MemoryStack stack = changing_stack(100, 50, changes[2]);
  AdaptationOptions adaptation = options(20);
  adaptation.probe_order = ProbeOrder::spread;
  const Outcome outcome = run_over(stack, adaptation, {2, 0, 0});
  EXPECT_EQ(events_of(*outcome.report), (Events{"begun anew", "begun anew"}));
}

TEST(StreamRunTest, FrozenAfterTheProbeNothingIsMeasuredAndTheOldStatisticsStay) {
  io::MemoryStack stack = changing_stack(60, 30, changes[2]);
  AdaptationOptions adaptation = options(1);
  adaptation.measure_every.reset();
  adaptation.freeze = Freeze::probe;
  const Outcome outcome = run_over(stack, adaptation, {2, 0, 0});
  EXPECT_TRUE(outcome.report->events.empty());
  for (const SliceRecord& slice : testing::slices_of(*outcome.report)) {
    EXPECT_FALSE(slice.measured);
    EXPECT_EQ(slice.measure_seconds, 0);
  }
  EXPECT_EQ(outcome.report->adaptation->snapshots, 1);
}

/// What a run writes and reports, to the bit.
struct Result {
  std::string voxels;
  model::Statistics statistics;
  std::vector<double> figures;
  std::vector<bool> measured;
  std::vector<std::string> events;
  friend bool operator==(const Result&, const Result&) = default;
};

Result run(const AdaptationOptions& adaptation, const Change& change, const ResourceOptions& resources,
           std::uint64_t seed = 0, std::int64_t jump = 50, std::int64_t depth = 80) {
  const testing::TemporaryFolder folder;
  io::MemoryStack stack = changing_stack(depth, jump, change);
  OutputOptions output;
  output.probability = folder / "p.tif";
  output.probability_type = io::PixelType::f32;
  output.compression = io::Compression::none;
  RunHooks hooks;
  if (seed != 0) hooks.node_call = testing::jitter(seed);
  const Outcome outcome = segment(stack, small_network(), {}, adaptation, output, resources, hooks);
  Result result{testing::bytes_of(output.probability), outcome.statistics, {}, {}, {}};
  for (const SliceRecord& slice : testing::slices_of(*outcome.report)) {
    result.figures.insert(result.figures.end(), {slice.foreground, slice.entropy, slice.drift.value_or(-1),
                                                 slice.drift_from_source, slice.slice_drift.value_or(-1)});
    result.measured.push_back(slice.measured);
  }
  for (const RunEvent& event : outcome.report->events) result.events.push_back(event.text);
  return result;
}

TEST(StreamRunTest, SameBytesRecordsAndEventsForAnyNumberOfThreadsWithJitterInEveryNode) {
  for (const int every : {1, 4}) {
    const Result expected = run(options(every), changes[4], {1, 0, 24});
    ASSERT_EQ(expected.events.size(), 1U);
    std::uint64_t seed = 0;
    for (const int threads : {1, 2, 3, 8}) {
      EXPECT_TRUE(run(options(every), changes[4], {threads, 0, 24}, ++seed) == expected)
          << threads << " threads, every " << every;
    }
  }
}

TEST(StreamRunTest, TilesChangeNothingOfWhatIsMeasured) {
  const Result whole = run(options(4), changes[3], {2, 0, 0});
  const Result tiles = run(options(4), changes[3], {2, 0, 24});
  EXPECT_EQ(tiles.measured, whole.measured);
  EXPECT_EQ(tiles.statistics, whole.statistics) << "samples do not go by the tiles";
  ASSERT_EQ(tiles.figures.size(), whole.figures.size());
  for (std::size_t i = 0; i < whole.figures.size(); ++i) {
    EXPECT_NEAR(tiles.figures[i], whole.figures[i], 1e-5 * (1 + std::abs(whole.figures[i])));
  }
}

TEST(StreamRunTest, ReportSaysWhatWasMeasuredWhatItCostsAndWhatHappened) {
  io::MemoryStack stack = changing_stack(90, 50, changes[2]);
  const Outcome outcome = run_over(stack, options(4), {2, 0, 0});
  const std::string json = testing::json_of(*outcome.report).dump();
  for (const char* text :
       {"\"measured\":true", "\"measured\":false", "\"states\":{\"segmented\":{\"slices\":90,",
        "\"mean_work_seconds\":", "\"event\":\"begun anew\",\"text\":\"the acquisition has changed: slice ",
        "\"entropy\":0.", "\"slice_drift\":null", "\"measure_every\":4", "\"measured_every\":4",
        "\"measured\":{\"slices\":2"}) {
    EXPECT_NE(json.find(text), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace fibflow::pipeline
