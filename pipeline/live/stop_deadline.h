#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

namespace fibflow::pipeline {

/// Asks for an end some time after a stop was requested: who was to finish what he had begun has had the time for it.
class StopDeadline {
 public:
  /// stop: what is waited for.
  StopDeadline(std::stop_token stop, std::chrono::milliseconds patience)
      : thread_([this, stop = std::move(stop), patience](const std::stop_token& over) {
          wait(over, stop, patience);
        }) {}

  std::stop_token token() const { return passed_.get_token(); }

 private:
  void wait(const std::stop_token& over, const std::stop_token& stop, std::chrono::milliseconds patience) {
    const std::stop_callback wake(stop, [this] {
      const std::lock_guard lock(mutex_);
      changed_.notify_all();
    });
    std::unique_lock lock(mutex_);
    changed_.wait(lock, over, [&] { return stop.stop_requested(); });
    changed_.wait_for(lock, over, patience, [] { return false; });
    if (!over.stop_requested()) passed_.request_stop();
  }

  std::stop_source passed_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace fibflow::pipeline
