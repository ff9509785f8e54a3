#include "pipeline/report/slice_sums.h"

namespace fibflow::pipeline {

void SliceSums::add(const SliceRecord& slice) {
  const bool is_first = count_ == 0;
  foreground_.add(slice.foreground, is_first);
  entropy_.add(slice.entropy, is_first);
  if (slice.expected_iou) expected_iou_.add(*slice.expected_iou, expecting_++ == 0);
  last_drift_from_source_ = slice.drift_from_source;
  if (slice.slice_drift && (!farthest_ || *slice.slice_drift > farthest_->slice_drift))
    farthest_ = {slice.z, *slice.slice_drift};
  ++segmented_.slices;
  segmented_.seconds += slice.work_seconds;
  if (slice.measured) {
    ++measured_.slices;
    measured_.seconds += slice.measure_seconds;
  }
  ++count_;
}

}  // namespace fibflow::pipeline
