#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>

#include "nodes/statistics/statistics_updater.h"
#include "nodes/tiles/stitcher.h"
#include "pipeline/report/slice_record.h"

namespace fibflow::pipeline {

/// What happened to a slice, but for the time since it was read.
SliceRecord record_of(const nodes::SegmentedSlice& slice, const nodes::Update& update);

/// Notes when slices are read, for what is recorded of them when they are written. Thread-safe.
class RunRecorder {
 public:
  void was_read(std::int64_t z);
  SliceRecord was_written(const nodes::SegmentedSlice& slice, const nodes::Update& update);

 private:
  using Clock = std::chrono::steady_clock;
  std::mutex mutex_;
  std::map<std::int64_t, Clock::time_point> read_;  // by z; guarded by mutex_
};

}  // namespace fibflow::pipeline
