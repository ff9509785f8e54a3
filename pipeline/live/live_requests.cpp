#include "pipeline/live/live_requests.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace fibflow::pipeline {
namespace {

constexpr std::array handled_signals = {SIGHUP, SIGUSR1};

// All that the handler touches.
std::atomic<bool> in_use = false;
std::atomic<bool> rescan_asked = false;
std::atomic<bool> stack_asked = false;
std::atomic<int> wake_descriptor = -1;

void wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_descriptor.load(), &one, sizeof one);
}

extern "C" void fibflow_live_request_handler(int signal) {
  const int saved_errno = errno;
  (signal == SIGHUP ? rescan_asked : stack_asked) = true;
  wake();
  errno = saved_errno;
}

}  // namespace

struct LiveRequests::State {
  std::array<struct sigaction, handled_signals.size()> previous = {};
  std::optional<std::stop_callback<void (*)()>> on_stop;
};

LiveRequests::LiveRequests(std::stop_token stop) : state_(std::make_unique<State>()) {
  if (in_use.exchange(true)) throw std::logic_error("another LiveRequests has taken the signals over");
  wake_descriptor = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_descriptor < 0) {
    const int error = errno;
    in_use = false;
    throw std::system_error(error, std::generic_category(), "cannot make an event for signals");
  }
  rescan_asked = stack_asked = false;
  struct sigaction action = {};
  action.sa_handler = fibflow_live_request_handler;
  action.sa_flags = SA_RESTART;
  for (std::size_t i = 0; i < handled_signals.size(); ++i) {
    sigaction(handled_signals[i], nullptr, &state_->previous[i]);
    if (state_->previous[i].sa_handler != SIG_IGN) sigaction(handled_signals[i], &action, nullptr);
  }
  state_->on_stop.emplace(std::move(stop), wake);
}

LiveRequests::~LiveRequests() {
  state_->on_stop.reset();
  for (std::size_t i = 0; i < handled_signals.size(); ++i) {
    sigaction(handled_signals[i], &state_->previous[i], nullptr);
  }
  ::close(wake_descriptor.exchange(-1));
  in_use = false;
}

int LiveRequests::descriptor() const {
  return wake_descriptor.load();
}

void LiveRequests::clear() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(wake_descriptor.load(), &count, sizeof count);
}

bool LiveRequests::take_rescan() {
  return rescan_asked.exchange(false);
}

bool LiveRequests::take_stack() {
  return stack_asked.exchange(false);
}

bool LiveRequests::stack_is_asked() const {
  return stack_asked;
}

}  // namespace fibflow::pipeline
