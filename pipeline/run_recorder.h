#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "nodes/statistics_updater.h"
#include "nodes/stitcher.h"
#include "pipeline/run_report.h"

namespace fibflow::pipeline {

/// Collects what happens to each slice. Thread-safe; the order of the calls for different slices does not
/// matter.
class RunRecorder {
 public:
  void was_read(std::int64_t order);
  void was_measured(const nodes::Update& update, std::int64_t z);
  void was_written(const nodes::SegmentedSlice& slice);

  /// The records of all slices, in order. Slices before `frozen_from` were measured, the others frozen.
  std::vector<SliceRecord> records(std::int64_t frozen_from) const;

 private:
  using Clock = std::chrono::steady_clock;
  mutable std::mutex mutex_;
  std::map<std::int64_t, Clock::time_point> read_;  // by order, like the records; guarded by mutex_
  std::map<std::int64_t, SliceRecord> records_;     // guarded by mutex_
};

}  // namespace fibflow::pipeline
