#include "pipeline/live/http/connection_deadlines.h"

#include <sys/socket.h>

namespace fibflow::pipeline {

ConnectionDeadlines::ConnectionDeadlines(std::chrono::milliseconds time)
    : time_(time), watcher_([this] { watch(); }) {}

ConnectionDeadlines::~ConnectionDeadlines() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  watcher_.join();
}

void ConnectionDeadlines::opened(int descriptor) {
  const std::lock_guard lock(mutex_);
  connections_.push_back({descriptor, std::chrono::steady_clock::now() + time_});
  if (connections_.size() == 1) changed_.notify_all();
}

void ConnectionDeadlines::closed(int descriptor) {
  const std::lock_guard lock(mutex_);
  connections_.remove_if([descriptor](const Connection& c) { return c.descriptor == descriptor; });
}

void ConnectionDeadlines::watch() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    if (connections_.empty()) {
      changed_.wait(lock);
    } else if (const Time end = connections_.front().end; std::chrono::steady_clock::now() < end) {
      changed_.wait_until(lock, end);
    } else {
      // The server sees the end of the connection, and closes it.
      shutdown(connections_.front().descriptor, SHUT_RDWR);
      connections_.pop_front();
    }
  }
}

}  // namespace fibflow::pipeline
