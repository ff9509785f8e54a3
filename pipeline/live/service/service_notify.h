#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace fibflow::pipeline {

/// Tells the service manager how a daemon is, by systemd's notification protocol (sd_notify(3), sd_watchdog_enabled(3)):
/// lines in a datagram to the socket that the environment names. Spoken here and not by libsystemd, as it is a screenful
/// and works the same where there is no systemd. Without a socket, nothing is done. Thread-safe; nothing throws, blocks
/// or fails the daemon: a lost notification is the manager's to notice.
class ServiceNotifier {
 public:
  /// Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and takes them out of the environment, so that no child
  /// speaks for this process. To be made before there are other threads. between_statuses: see tell().
  explicit ServiceNotifier(std::chrono::milliseconds between_statuses = std::chrono::seconds(1));
  ~ServiceNotifier();
  ServiceNotifier(const ServiceNotifier&) = delete;
  ServiceNotifier& operator=(const ServiceNotifier&) = delete;

  bool active() const { return descriptor_ >= 0; }
  /// How long the manager stays calm without feed(); 0 if it does not watch.
  std::chrono::microseconds watchdog() const { return watchdog_; }

  void ready(std::string_view status);
  void status(
      std::string_view status);  ///< a line that `systemctl status` shows; not repeated if it did not change
  void stopping(std::string_view status);

  /// The same as status(), but only if the last call that sent one was long enough ago: `line` is asked for only then.
  void tell(const std::function<std::string()>& line);

  /// The daemon has got on: sent at most every fourth part of the watchdog's time.
  void feed();

 private:
  void send(const std::string& message) const;

  int descriptor_ = -1;
  std::string address_;  // of the socket, as bind() has it: abstract ones begin with '\0'
  const std::chrono::milliseconds between_statuses_;
  std::chrono::microseconds watchdog_{0};
  std::mutex mutex_;
  std::string last_status_;  // this and what follows is guarded by mutex_
  std::chrono::steady_clock::time_point last_fed_;
  std::chrono::steady_clock::time_point last_told_;
};

}  // namespace fibflow::pipeline
