#pragma once

#include <chrono>
#include <mutex>
#include <string>

#include "pipeline/live/acquisition.h"
#include "pipeline/live/status/live_status.h"

namespace fibflow::pipeline {

/// What a live run tells while it goes on: on its board, and from there in OUTPUT/status.json, within a second when
/// something has changed, else now and then. Thread-safe.
class WatchStatus {
 public:
  /// The board outlives it.
  WatchStatus(StatusBoard& board, std::string output_folder);

  void show(LiveState state, const std::string& reason);
  /// From now on the state is `ending`, whatever is shown, unless it is `paused`.
  void begin_to_end();
  void warn(const std::string& text);
  /// waiting: slices that were taken and are not on the disk yet.
  void show_counts(const Acquisition::Counts& counts, std::size_t waiting);

  /// The same, and writes the file now. That it cannot be written is no failure of the run: its time tells how old it is.
  void write(LiveState state, const std::string& reason);

 private:
  using Clock = std::chrono::steady_clock;

  bool change(LiveState state, const std::string& reason);
  void write_file();

  StatusBoard& board_;
  const std::string output_folder_;
  std::mutex mutex_;
  Clock::time_point last_;  // written; this and what follows is guarded by mutex_
  bool changed_ = true;     // since then
  bool ending_ = false;
};

}  // namespace fibflow::pipeline
