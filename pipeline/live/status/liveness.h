#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <string>

namespace fibflow::pipeline {

/// Knows whether a daemon still gets on: told of every piece of work that was done, and of every look at the folder that
/// found nothing to do. Who hangs tells nothing. Thread-safe.
class Liveness {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Verdict {
    bool alive = false;
    std::string reason;  ///< "working", what is waited for, or since when nothing happens, for people
    std::chrono::duration<double> silence{0};
  };

  /// `limit`: how long the longest piece of work and the longest pause between two looks may take. `on_beat`, if any, is
  /// called with each sign of life, on the thread that gives it, one at a time.
  explicit Liveness(std::chrono::duration<double> limit, std::function<void()> on_beat = {},
                    std::function<Time()> clock = std::chrono::steady_clock::now);

  /// Slices are in flight while this lives: waiting is then no sign of life, only progress is.
  class Work {
   public:
    explicit Work(Liveness& liveness);
    ~Work();
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;

   private:
    Liveness& liveness_;
  };

  /// A tile, a slice, a file: something that takes less than the limit is done.
  void progress();

  /// There is nothing to do, or something is in the way, and this was just looked at: "slice 118 is not there yet". To
  /// be told at each look.
  void waiting(const std::string& reason);

  Verdict verdict() const;

 private:
  const std::chrono::duration<double> limit_;
  const std::function<void()> on_beat_;
  const std::function<Time()> clock_;
  mutable std::mutex mutex_;
  int works_ = 0;  // this and what follows is guarded by mutex_
  Time last_beat_;
  std::string reason_ = "starting";
};

}  // namespace fibflow::pipeline
