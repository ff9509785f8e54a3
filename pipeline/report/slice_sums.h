#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "pipeline/report/slice_record.h"

namespace fibflow::pipeline {

/// All that is said of the slices of a run together, without their records. A plain value.
class SliceSums {
 public:
  /// Mean and range of a figure over the slices.
  struct Spread {
    double mean = 0;
    double least = 0;
    double most = 0;
  };
  /// What was done with slices, and what it cost.
  struct Cost {
    const char* work = "";  ///< "segmented", "measured"
    std::int64_t slices = 0;
    double seconds = 0;  ///< of all of them, on one thread

    double mean_seconds() const { return slices > 0 ? seconds / static_cast<double>(slices) : 0; }
  };
  struct Farthest {
    std::int64_t z = 0;
    double slice_drift = 0;
  };

  void add(const SliceRecord& slice);

  std::int64_t count() const { return count_; }
  Spread foreground() const { return foreground_.of(count_); }
  Spread entropy() const { return entropy_.of(count_); }
  /// Over the slices that have one; nothing if none has.
  std::optional<Spread> expected_iou() const {
    return expecting_ > 0 ? std::optional(expected_iou_.of(expecting_)) : std::nullopt;
  }
  double last_drift_from_source() const { return last_drift_from_source_; }
  /// The slice with the largest slice_drift, the first of them; nothing if none was measured.
  const std::optional<Farthest>& farthest() const { return farthest_; }
  std::array<Cost, 2> costs() const { return {segmented_, measured_}; }

 private:
  struct Sum {
    double sum = 0;
    double least = 0;
    double most = 0;

    void add(double value, bool is_first) {
      sum += value;
      least = is_first ? value : std::min(least, value);
      most = is_first ? value : std::max(most, value);
    }
    Spread of(std::int64_t count) const {
      return {count > 0 ? sum / static_cast<double>(count) : 0, least, most};
    }
  };

  std::int64_t count_ = 0;
  Sum foreground_;
  Sum entropy_;
  std::int64_t expecting_ = 0;
  Sum expected_iou_;
  double last_drift_from_source_ = 0;
  std::optional<Farthest> farthest_;
  Cost segmented_{"segmented"};
  Cost measured_{"measured"};
};

}  // namespace fibflow::pipeline
