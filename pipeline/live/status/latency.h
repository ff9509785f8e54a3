#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace fibflow::pipeline {

/// Times from a complete file to its mask on disk, of any number of slices, in constant memory. A plain value,
/// not thread-safe.
class Latencies {
 public:
  /// Upper edges of the buckets of the histogram, inclusive, seconds; one more bucket has everything above.
  static constexpr std::array<double, 15> edges = {0.1, 0.25, 0.5, 1,   2.5, 5,    10,  20,
                                                   30,  60,   120, 300, 600, 1800, 3600};

  /// Throws std::invalid_argument unless `seconds` is finite and not negative.
  void add(double seconds);

  std::uint64_t count() const { return count_; }
  double sum() const { return sum_; }          ///< seconds
  double longest() const { return longest_; }  ///< seconds; 0 without slices
  const std::array<std::uint64_t, edges.size() + 1>& buckets() const { return buckets_; }  ///< not cumulative

  /// The time that a share of the slices, 0 to 1, did not exceed, within 2 % (and 1 ms); 0 without slices.
  double quantile(double share) const;

 private:
  // Steps of 4 % from 1 ms: the last one is above three weeks.
  static constexpr std::size_t steps = 550;
  static std::size_t step_of(double seconds);

  std::uint64_t count_ = 0;
  double sum_ = 0;
  double longest_ = 0;
  std::array<std::uint64_t, edges.size() + 1> buckets_ = {};
  std::array<std::uint64_t, steps> fine_ = {};
};

}  // namespace fibflow::pipeline
