#include "pipeline/live/service/service_notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace fibflow::pipeline {
namespace {

std::string taken(const char* variable) {
  const char* value = std::getenv(variable);
  std::string text = value == nullptr ? "" : value;
  unsetenv(variable);
  return text;
}

std::uint64_t number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : 0;
}

/// A status is one line of the message.
std::string one_line_of(std::string_view text) {
  std::string line(text);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r' || c == '\0'; }, ' ');
  return line;
}

}  // namespace

ServiceNotifier::ServiceNotifier(std::chrono::milliseconds between_statuses)
    : address_(taken("NOTIFY_SOCKET")), between_statuses_(between_statuses) {
  const std::uint64_t interval = number(taken("WATCHDOG_USEC"));
  const std::string watched = taken("WATCHDOG_PID");
  if (address_.size() < 2 || address_.size() >= sizeof(sockaddr_un::sun_path) ||
      (address_[0] != '/' && address_[0] != '@')) {
    return;
  }
  if (address_[0] == '@') address_[0] = '\0';
  descriptor_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor_ < 0) return;
  const bool for_us = watched.empty() || number(watched) == static_cast<std::uint64_t>(getpid());
  constexpr std::uint64_t longest = std::uint64_t{1} << 62;
  if (for_us) watchdog_ = std::chrono::microseconds(std::min(interval, longest));
}

ServiceNotifier::~ServiceNotifier() {
  if (descriptor_ >= 0) close(descriptor_);
}

void ServiceNotifier::send(const std::string& message) const {
  if (descriptor_ < 0) return;
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, address_.data(), address_.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  sendto(descriptor_, message.data(), message.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address),
         size);
}

void ServiceNotifier::ready(std::string_view status) {
  const std::lock_guard lock(mutex_);
  last_status_ = one_line_of(status);
  send("READY=1\nSTATUS=" + last_status_);
}

void ServiceNotifier::status(std::string_view status) {
  const std::lock_guard lock(mutex_);
  std::string line = one_line_of(status);
  if (line == last_status_) return;
  last_status_ = std::move(line);
  send("STATUS=" + last_status_);
}

void ServiceNotifier::tell(const std::function<std::string()>& line) {
  if (descriptor_ < 0) return;
  {
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (last_told_ != std::chrono::steady_clock::time_point() && now - last_told_ < between_statuses_) return;
    last_told_ = now;
  }
  status(line());
}

void ServiceNotifier::stopping(std::string_view status) {
  const std::lock_guard lock(mutex_);
  last_status_ = one_line_of(status);
  send("STOPPING=1\nSTATUS=" + last_status_);
}

void ServiceNotifier::feed() {
  if (watchdog_.count() == 0) return;
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (last_fed_ != std::chrono::steady_clock::time_point() && now - last_fed_ < watchdog_ / 4) return;
  last_fed_ = now;
  send("WATCHDOG=1");
}

}  // namespace fibflow::pipeline
