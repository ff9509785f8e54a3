#include "pipeline/report/run_recorder.h"

namespace fibflow::pipeline {

SliceRecord record_of(const nodes::SegmentedSlice& slice, const nodes::Update& update) {
  SliceRecord record;
  record.z = slice.z();
  record.foreground = slice.foreground;
  record.entropy = slice.entropy;
  record.expected_iou = slice.expected_iou;
  record.work_seconds = slice.seconds;
  record.measured = update.measured;
  record.measure_seconds = update.seconds;
  record.drift = update.renewal;
  record.drift_from_source = update.drift_from_source;
  record.slice_drift = update.slice_drift;
  record.featureless = slice.featureless;
  return record;
}

void RunRecorder::was_read(std::int64_t z) {
  const std::lock_guard lock(mutex_);
  read_[z] = Clock::now();
}

SliceRecord RunRecorder::was_written(const nodes::SegmentedSlice& slice, const nodes::Update& update) {
  SliceRecord record = record_of(slice, update);
  const std::lock_guard lock(mutex_);
  const auto read = read_.extract(record.z);
  if (!read.empty()) record.seconds = std::chrono::duration<double>(Clock::now() - read.mapped()).count();
  return record;
}

}  // namespace fibflow::pipeline
