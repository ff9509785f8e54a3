// Whole runs over acquisitions that change: statistics that had settled are given up in time, and only then.
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

using nodes::SliceState;
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
AdaptationOptions options(int every, int lag = 3) {
  AdaptationOptions adaptation;
  adaptation.freeze = Freeze::settled;
  adaptation.settle = {2e-5, 4};
  adaptation.monitor.every = every;
  adaptation.monitor.drift = 0.1;
  adaptation.lag = lag;
  adaptation.probe_order = ProbeOrder::first;
  return adaptation;
}

std::vector<std::string> events_of(const RunReport& report) {
  std::vector<std::string> events;
  for (const RunEvent& event : report.events) events.push_back(event.event);
  return events;
}

using Events = std::vector<std::string>;

class ReopeningRunTest : public ::testing::TestWithParam<Change> {};

TEST_P(ReopeningRunTest, AdaptsAnewWithinTheStatedNumberOfSlicesAndSettlesAgain) {
  constexpr int every = 5;
  constexpr int lag = 3;
  for (const std::int64_t jump : {60, 63}) {
    io::MemoryStack stack = changing_stack(130, jump, GetParam());
    const Outcome outcome = adapt(stack, small_network(), {}, options(every, lag), {2, 0, 32});
    const RunReport& report = *outcome.report;
    ASSERT_EQ(events_of(report), (Events{"frozen", "reopened", "frozen"}));
    ASSERT_LT(report.events[0].z + lag, jump - every) << "it is to be frozen before the change";
    const std::int64_t reopened = report.events[1].z;
    EXPECT_GE(reopened, jump);
    EXPECT_LE(reopened + lag, jump + every - 1 + 2 * lag);  // of two slices that depart
    for (const SliceRecord& slice : testing::slices_of(report)) {
      const bool adapts = slice.z < report.events[0].z + lag ||
                          (slice.z >= reopened + lag && slice.z < report.events[2].z + lag);
      EXPECT_EQ(slice.state == SliceState::adapting, adapts) << "slice " << slice.z;
      EXPECT_EQ(slice.frozen, !adapts);
      EXPECT_EQ(slice.drift.has_value(), adapts);
      EXPECT_EQ(slice.slice_drift.has_value(), slice.state != SliceState::frozen);
      EXPECT_GE(slice.entropy, 0);
      EXPECT_LE(slice.entropy, 1);
      EXPECT_GT(slice.work_seconds, 0);
    }
    // The new statistics are those of the new slices.
    io::MemoryStack only_new = changing_stack(130, 0, GetParam());
    const Outcome fresh = adapt(only_new, small_network(), {}, options(0, lag), {2, 0, 32});
    const std::vector<SliceRecord> slices = testing::slices_of(report);
    const double usual = *std::max_element(slices.begin(), slices.begin() + 55, [](auto& a, auto& b) {
                            return a.slice_drift.value_or(0) < b.slice_drift.value_or(0);
                          })->slice_drift;
    EXPECT_LT(model::drift(outcome.statistics, fresh.statistics).per_channel, usual);
  }
}

INSTANTIATE_TEST_SUITE_P(Changes, ReopeningRunTest, ::testing::ValuesIn(changes),
                         [](const auto& change) { return change.param.name; });

TEST(FrozenRunTest, NothingIsReopenedWhereNothingChanges) {
  io::MemoryStack stack = changing_stack(250, 1'000'000, changes[0]);
  const Outcome outcome = adapt(stack, small_network(), {}, options(3), {2, 0, 0});
  EXPECT_EQ(events_of(*outcome.report), Events{"frozen"});
}

TEST(FrozenRunTest, WithoutAMonitorTheOldStatisticsStay) {
  io::MemoryStack stack = changing_stack(100, 50, changes[2]);
  const Outcome outcome = adapt(stack, small_network(), {}, options(0), {2, 0, 0});
  EXPECT_EQ(events_of(*outcome.report), Events{"frozen"});
  for (const SliceRecord& slice : testing::slices_of(*outcome.report))
    EXPECT_NE(slice.state, SliceState::monitored);
}

/// What a run writes and reports, to the bit.
struct Result {
  std::string voxels;
  model::Statistics statistics;
  std::vector<double> figures;
  std::vector<SliceState> states;
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
    result.states.push_back(slice.state);
  }
  for (const RunEvent& event : outcome.report->events) result.events.push_back(event.text);
  return result;
}

TEST(FrozenRunTest, SameBytesRecordsAndEventsForAnyNumberOfThreadsWithJitterInEveryNode) {
  const Result expected = run(options(4), changes[4], {1, 0, 24});
  ASSERT_GE(expected.events.size(), 2U);
  std::uint64_t seed = 0;
  for (const int threads : {1, 2, 3, 8}) {
    EXPECT_TRUE(run(options(4), changes[4], {threads, 0, 24}, ++seed) == expected) << threads << " threads";
  }
}

TEST(FrozenRunTest, TilesChangeWhenItIsReopenedByNothing) {
  const Result whole = run(options(4), changes[3], {2, 0, 0});
  const Result tiles = run(options(4), changes[3], {2, 0, 24});
  EXPECT_EQ(tiles.states, whole.states);
  ASSERT_EQ(tiles.figures.size(), whole.figures.size());
  for (std::size_t i = 0; i < whole.figures.size(); ++i) {
    EXPECT_NEAR(tiles.figures[i], whole.figures[i], 1e-4 * (1 + std::abs(whole.figures[i])));
  }
}

TEST(FrozenRunTest, AMonitoredSliceDiffersFromAFrozenOneByRoundingAndTheOthersByNothing) {
  const testing::TemporaryFolder folder;
  std::vector<std::vector<std::vector<float>>> probabilities;
  std::vector<SliceRecord> slices;
  for (const int every : {0, 4}) {
    io::MemoryStack stack = changing_stack(60, 1'000'000, changes[0]);
    OutputOptions output;
    output.probability = folder / (std::to_string(every) + ".tif");
    output.probability_type = io::PixelType::f32;
    slices =
        testing::slices_of(*segment(stack, small_network(), {}, options(every), output, {2, 0, 24}).report);
    auto& all = probabilities.emplace_back();
    const auto written = io::open_stack(output.probability);
    for (std::int64_t z = 0; z < 60; ++z) {
      const io::Slice slice = written->read(z);
      all.emplace_back(slice.as<float>().begin(), slice.as<float>().end());
    }
  }
  int monitored = 0;
  for (std::size_t z = 0; z < slices.size(); ++z) {
    monitored += slices[z].state == SliceState::monitored;
    if (slices[z].state != SliceState::monitored) {
      EXPECT_EQ(probabilities[0][z], probabilities[1][z]) << "slice " << z;
      continue;
    }
    for (std::size_t i = 0; i < probabilities[0][z].size(); ++i) {
      ASSERT_NEAR(probabilities[0][z][i], probabilities[1][z][i], 3e-6) << "slice " << z << ", pixel " << i;
    }
  }
  EXPECT_GE(monitored, 5);
}

TEST(FrozenRunTest, ReportSaysWhatEachStateCostsAndWhatHappened) {
  io::MemoryStack stack = changing_stack(90, 50, changes[2]);
  const Outcome outcome = adapt(stack, small_network(), {}, options(4), {2, 0, 0});
  const std::string json = testing::json_of(*outcome.report).dump();
  for (const char* text :
       {"\"state\":\"monitored\"", "\"states\":{\"adapting\":{\"slices\":", "\"mean_work_seconds\":",
        "\"event\":\"reopened\",\"text\":\"the acquisition has changed: slice ", "\"entropy\":0.",
        "\"slice_drift\":null", "\"monitor_every\":4"}) {
    EXPECT_NE(json.find(text), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace fibflow::pipeline
