#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace fibflow::pipeline {

/// What is watched of one slice of a live acquisition.
struct LiveSlice {
  std::int64_t z = 0;
  std::chrono::system_clock::time_point finished;  ///< when its mask was on disk; 0: before a restart
  double foreground = 0;                           ///< share of pixels that are not background
  std::optional<double> entropy;                   ///< mean of the prediction, bits
  std::optional<double> drift;  ///< of its own moments, per channel (SliceRecord::slice_drift)
  double latency = 0;           ///< seconds from a complete file to a mask on disk
};

/// One or several neighbouring slices of the history.
struct HistoryPoint {
  std::int64_t first_z = 0;
  std::int64_t last_z = 0;
  std::int64_t slices = 0;
  double foreground = 0;          ///< mean
  std::optional<double> entropy;  ///< mean of those measured
  std::int64_t entropies = 0;     ///< how many were measured
  std::optional<double> drift;    ///< largest: a short drift must stay visible
  double latency = 0;             ///< largest, seconds
};

/// The slices of weeks in constant memory: the last ones each, all of them as at most `capacity` points of equally
/// many slices. A plain value, not thread-safe.
class SliceHistory {
 public:
  static constexpr std::size_t capacity = 2000;  ///< points
  static constexpr std::size_t kept_each = 120;  ///< slices

  void add(const LiveSlice& slice);

  /// Oldest first; the last one may hold fewer slices than the others.
  const std::vector<HistoryPoint>& points() const { return points_; }
  /// The last slices, oldest first.
  const std::deque<LiveSlice>& recent() const { return recent_; }
  std::int64_t slices_per_point() const { return slices_per_point_; }

  /// Slices per second in the last minutes before `now`; 0 if there was none.
  double rate(std::chrono::system_clock::time_point now) const;

 private:
  void halve();

  std::int64_t slices_per_point_ = 1;
  std::vector<HistoryPoint> points_;
  std::deque<LiveSlice> recent_;
};

}  // namespace fibflow::pipeline
