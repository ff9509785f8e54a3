#pragma once

#include <chrono>
#include <mutex>
#include <string>

#include "pipeline/acquisition.h"
#include "pipeline/live_status.h"

namespace fibflow::pipeline {

/// What a live run tells while it goes on: on its board, and from there in OUTPUT/status.json, within a second when
/// something has changed, else now and then. Thread-safe.
class WatchStatus {
 public:
  /// The board outlives it.
  WatchStatus(StatusBoard& board, std::string output_folder);

  void show(LiveState state, const std::string& reason);
  void warn(const std::string& text);
  /// waiting: slices that were taken and are not on the disk yet.
  void show_counts(const Acquisition::Counts& counts, std::size_t waiting);

  /// Writes the file now. That it cannot be written is no failure of the run: its time tells how old it is.
  void write();

 private:
  using Clock = std::chrono::steady_clock;

  StatusBoard& board_;
  const std::string output_folder_;
  std::mutex mutex_;
  Clock::time_point last_;  // written; this and what follows is guarded by mutex_
  bool changed_ = true;     // since then
};

}  // namespace fibflow::pipeline
