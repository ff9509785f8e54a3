#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "nodes/statistics/statistics_updater.h"
#include "nodes/tiles/stitcher.h"
#include "pipeline/report/run_report.h"

namespace fibflow::pipeline {

/// What happened to a slice, but for the time since it was read.
SliceRecord record_of(const nodes::SegmentedSlice& slice, const nodes::Update& update);

/// Collects what happens to each slice. Thread-safe.
class RunRecorder {
 public:
  void was_read(std::int64_t z);
  SliceRecord was_written(const nodes::SegmentedSlice& slice, const nodes::Update& update);

  /// Records of an earlier part of the run, before any other.
  void restore(std::vector<SliceRecord> records);

  /// The records of the slices that were written, in order.
  std::vector<SliceRecord> records() const;

 private:
  using Clock = std::chrono::steady_clock;
  mutable std::mutex mutex_;
  std::map<std::int64_t, Clock::time_point> read_;  // by z; guarded by mutex_
  std::vector<SliceRecord> records_;                // guarded by mutex_
};

}  // namespace fibflow::pipeline
