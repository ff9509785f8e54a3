#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "pipeline/live/status/liveness.h"
#include "pipeline/live/watch.h"
#include "pipeline/live/watch_status.h"

namespace fibflow::pipeline {

/// Lets what a live run writes wait while there is no room on the disk. The run is then paused, and says so; looking
/// whether there is room again is all the life it has to show. Thread-safe.
class PatientWriter {
 public:
  /// Both outlive it.
  PatientWriter(const WatchServices& services, WatchStatus& status);

  /// Calls write, and again until there is room for it; so it has to leave nothing half done when it throws. Throws
  /// what it throws but for a full disk, and Interrupted if a stop is requested meanwhile.
  void write(const std::function<void()>& write);

  /// Rests until the next try, paused for this reason. Throws Interrupted if a stop is requested meanwhile.
  void wait(const std::string& reason);

  /// Whether slices are in flight: then only their progress is a sign of life, unless nothing can be written.
  void set_working(bool working);

 private:
  void begin_pause();
  void end_pause();
  void adjust_work();

  const WatchServices& services_;
  WatchStatus& status_;
  std::mutex mutex_;
  std::optional<Liveness::Work> work_;  // this and what follows is guarded by mutex_
  bool working_ = false;
  int pauses_ = 0;  // several threads may wait for room
};

}  // namespace fibflow::pipeline
