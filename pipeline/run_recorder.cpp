#include "pipeline/run_recorder.h"

namespace fibflow::pipeline {

void RunRecorder::was_read(std::int64_t order) {
  const std::lock_guard lock(mutex_);
  read_[order] = Clock::now();
}

void RunRecorder::was_measured(const nodes::Update& update, std::int64_t z) {
  const std::lock_guard lock(mutex_);
  SliceRecord& record = records_[update.order];
  record.z = z;
  record.drift = update.drift;
}

void RunRecorder::was_written(const nodes::SegmentedSlice& slice) {
  const std::lock_guard lock(mutex_);
  SliceRecord& record = records_[slice.order];
  record.z = slice.mask.z();
  record.foreground = slice.foreground;
  const auto read = read_.extract(slice.order);
  if (!read.empty()) record.seconds = std::chrono::duration<double>(Clock::now() - read.mapped()).count();
}

std::vector<SliceRecord> RunRecorder::records(std::int64_t frozen_from) const {
  const std::lock_guard lock(mutex_);
  std::vector<SliceRecord> all;
  for (const auto& [order, record] : records_) {
    all.push_back(record);
    all.back().frozen = order >= frozen_from;
    if (all.back().frozen) all.back().drift.reset();
  }
  return all;
}

}  // namespace fibflow::pipeline
