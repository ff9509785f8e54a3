#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>

#include "pipeline/cli/terminal/terminal.h"

namespace fibflow::pipeline {

/// Shows on a terminal how far a run over a stack is: share, rate and time left. Where there is no terminal (a batch system, a
/// file), a line each minute, or each 5 % if those take longer than some seconds.
/// Every member may be called from any thread.
class Progress {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Work {
    std::string verb;                   ///< what is being done, ASCII: "segment"
    std::int64_t slices = 0;            ///< slices to come; 0 if nobody knows (a live acquisition)
    std::int64_t voxels_per_slice = 1;  ///< voxels, > 0
    std::string unit = "slices";        ///< what is counted, in the plural, ASCII
    /// Work that ends after some time, however much is done by then: share and time left are the clock's.
    /// 0: work that ends when all is done.
    std::chrono::duration<double> limit{0};
  };

  /// The terminal must outlive the progress. Throws std::invalid_argument if the work is nonsense.
  Progress(Terminal& terminal, Work work, std::function<Time()> clock = std::chrono::steady_clock::now);

  /// Takes the bar away.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Work done, in voxels: tiles need not wait for their slice to be counted.
  void add_voxels(std::int64_t voxels);
  void add_slice() { add_voxels(work_.voxels_per_slice); }

  /// One line over what has been done so far: "128 slices in 12.3 s: 10.4 slices/s, 2.81 Mvoxel/s".
  std::string summary() const;

 private:
  struct Sample {
    Time time;
    std::int64_t voxels;
  };

  void draw(Time now);
  void tell(Time now);
  std::string line(Time now, int columns) const;
  double recent_rate(Time now) const;

  Terminal& terminal_;
  const Work work_;
  const std::function<Time()> clock_;
  const Time start_;
  mutable std::mutex mutex_;
  std::int64_t done_ = 0;       // voxels; this and what follows is guarded by mutex_
  std::deque<Sample> samples_;  // of the last seconds, oldest first
  Time last_drawn_;
  Time last_told_;  // where there is no terminal
  double told_share_ = 0;
};

}  // namespace fibflow::pipeline
