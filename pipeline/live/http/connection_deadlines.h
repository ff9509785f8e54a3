#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <list>
#include <mutex>
#include <thread>

namespace fibflow::pipeline {

/// Shuts connections down that live longer than they may: a client that sends a byte now and then is never idle, and
/// would keep others out for as long as it likes. Thread-safe.
class ConnectionDeadlines {
 public:
  explicit ConnectionDeadlines(std::chrono::milliseconds time);
  ~ConnectionDeadlines();
  ConnectionDeadlines(const ConnectionDeadlines&) = delete;
  ConnectionDeadlines& operator=(const ConnectionDeadlines&) = delete;

  void opened(int descriptor);
  /// To be told before the descriptor is closed, since its number is then given to others.
  void closed(int descriptor);

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Connection {
    int descriptor;
    Time end;
  };

  void watch();

  const std::chrono::milliseconds time_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Connection> connections_;  // the oldest first; this and what follows is guarded by mutex_
  bool ending_ = false;
  std::thread watcher_;
};

}  // namespace fibflow::pipeline
