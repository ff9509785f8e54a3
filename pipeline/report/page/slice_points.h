#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace fibflow::pipeline {

/// What a report records of one slice, as far as the page shows it.
struct RecordedSlice {
  std::int64_t z = 0;
  double seconds = 0;
  std::optional<double> foreground;  ///< share
  std::optional<double> entropy;     ///< bits
  std::optional<double> expected_iou;
  std::optional<double> drift;              ///< of the statistics by this slice, per channel
  std::optional<double> drift_from_source;  ///< of the source from the statistics in use, per channel
  std::optional<double> slice_drift;  ///< of the slice's moments from the running statistics, per channel
};

/// A figure over several slices.
struct Extent {
  double least = 0;
  double largest = 0;
  double sum = 0;
  std::int64_t count = 0;  ///< of slices that have it; 0: the others say nothing

  static Extent of(const std::optional<double>& value) {
    return value ? Extent{*value, *value, *value, 1} : Extent{};
  }
  explicit operator bool() const { return count > 0; }
  double mean() const { return sum / static_cast<double>(count); }
  void add(const Extent& other);
};

/// Neighbouring slices, or one.
struct SlicePoint {
  std::int64_t first_z = 0;
  std::int64_t last_z = 0;
  std::int64_t slices = 0;
  Extent seconds;
  Extent foreground;
  Extent entropy;
  Extent expected_iou;
  Extent drift;
  Extent drift_from_source;
  Extent slice_drift;

  explicit SlicePoint(const RecordedSlice& slice);
  /// With those that follow.
  void add(const SlicePoint& next);
};

/// The slices of a run in bounded memory: each one a point while they are few; when there would be more than `most`, two
/// neighbours become one, as often as it takes. No extreme is lost. A plain value.
class SlicePoints {
 public:
  static constexpr std::size_t most = 4096;

  /// z: larger than that of the slice before.
  void add(const RecordedSlice& slice);

  bool empty() const { return points_.empty(); }
  std::int64_t count() const { return count_; }
  const std::vector<SlicePoint>& points() const { return points_; }
  /// Of all slices.
  Extent over_all(Extent SlicePoint::*figure) const;

 private:
  std::vector<SlicePoint> points_;
  std::int64_t per_point_ = 1;
  std::int64_t count_ = 0;
};

}  // namespace fibflow::pipeline
