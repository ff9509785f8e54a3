#include "pipeline/live/status/status_json.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "io/error.h"
#include "tests/fixtures/phantom_run.h"
#include "tests/fixtures/temporary_folder.h"

namespace fibflow::pipeline {
namespace {

using Json = nlohmann::ordered_json;
using std::chrono::seconds;

TEST(StatusJsonTest, SaysWhatTheBoardHas) {
  StatusBoard board;
  fibflow::testing::PhantomRun run(board, 32, 400);
  run.add_slices(400);
  run.enter(LiveState::paused, "no room on /out");
  board.change([](LiveStatus& status) {
    status.counts.failed = 3;
    status.counts.overflows = 2;
    status.warnings.add("slice 7 came late", std::chrono::system_clock::time_point(seconds(86400)));
  });
  const LiveStatus& status = *board.latest().status;
  const Json json = Json::parse(status_json(status).dump());
  EXPECT_EQ(json["format"], "fibflow live status");
  EXPECT_EQ(json["format_version"], 1);
  EXPECT_EQ(json["state"], "paused");
  EXPECT_EQ(json["reason"], "no room on /out");
  EXPECT_EQ(json["slices"]["processed"], 400);
  EXPECT_EQ(json["slices"]["failed"], 3);
  EXPECT_EQ(json["overflows"], 2);
  EXPECT_EQ(json["newest_slice"], 399);
  EXPECT_NEAR(json["slices_per_minute"].get<double>(), 2.5, 0.1);
  EXPECT_NEAR(json["voxels_per_second"].get<double>(), 2.5 / 60 * 1024, 3);
  EXPECT_NEAR(json["latency"]["median"].get<double>(), 2.1, 0.3);
  EXPECT_GT(json["latency"]["p99"].get<double>(), json["latency"]["median"].get<double>());
  EXPECT_EQ(json["warnings"]["count"], 1);
  EXPECT_EQ(json["warnings"]["last"][0]["time"], "1970-01-02T00:00:00Z");
  EXPECT_EQ(json["recent"].size(), SliceHistory::kept_each);
  EXPECT_EQ(json["recent"].back()["z"], 399);
  EXPECT_EQ(json["picture"], 399);
}

TEST(StatusJsonTest, WhatIsNotKnownIsNull) {
  const Json json = status_json(LiveStatus());
  for (const char* name : {"started", "newest_slice", "voxels_per_second", "latency", "drift_from_source",
                           "disk_free", "picture"}) {
    EXPECT_TRUE(json.at(name).is_null()) << name;
  }
  EXPECT_EQ(json["state"], "starting");
}

TEST(StatusJsonTest, TheHistoryHasColumnsOfOneLength) {
  SliceHistory history;
  for (std::int64_t z = 0; z < 5000; ++z) {
    LiveSlice slice;
    slice.z = z;
    if (z >= 2500) slice.drift = 1.0;
    history.add(slice);
  }
  const Json json = history_json(history);
  EXPECT_EQ(json["slices_per_point"], 4);
  for (const char* column : {"first_z", "last_z", "foreground", "entropy", "drift", "latency"}) {
    EXPECT_EQ(json.at(column).size(), 1250U) << column;
  }
  EXPECT_TRUE(json["drift"][0].is_null());
  EXPECT_EQ(json["drift"].back(), 1.0);
  EXPECT_EQ(json["last_z"].back(), 4999);
}

TEST(StatusJsonTest, TheFileIsReplacedAtOnceAndSurvivesAnyText) {
  const fibflow::testing::TemporaryFolder folder;
  LiveStatus status;
  write_status(status, folder / "status.json");
  status.reason = "a name that is not UTF-8: \xff\"\n";
  write_status(status, folder / "status.json");
  std::ifstream file(folder / "status.json");
  EXPECT_NE(Json::parse(file)["reason"].get<std::string>().find("not UTF-8"), std::string::npos);
  EXPECT_THROW(write_status(status, folder / "missing/status.json"), io::Error);
}

}  // namespace
}  // namespace fibflow::pipeline
