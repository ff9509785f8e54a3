#include "pipeline/report/slice_sums.h"

namespace fibflow::pipeline {

void SliceSums::add(const SliceRecord& slice) {
  const bool is_first = count_ == 0;
  foreground_.add(slice.foreground, is_first);
  entropy_.add(slice.entropy, is_first);
  last_drift_from_source_ = slice.drift_from_source;
  if (slice.slice_drift && (!farthest_ || *slice.slice_drift > farthest_->slice_drift))
    farthest_ = {slice.z, *slice.slice_drift};
  State& state = states_.at(static_cast<std::size_t>(slice.state));
  ++state.slices;
  state.work_seconds += slice.work_seconds;
  ++count_;
}

std::array<SliceSums::StateCost, 3> SliceSums::states() const {
  using nodes::SliceState;
  std::array<StateCost, 3> costs{
      {{SliceState::adapting, 0, 0}, {SliceState::monitored, 0, 0}, {SliceState::frozen, 0, 0}}};
  for (StateCost& cost : costs) {
    const State& state = states_.at(static_cast<std::size_t>(cost.state));
    cost.slices = state.slices;
    if (state.slices > 0) cost.mean_work_seconds = state.work_seconds / static_cast<double>(state.slices);
  }
  return costs;
}

}  // namespace fibflow::pipeline
