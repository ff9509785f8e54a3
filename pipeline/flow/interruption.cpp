#include "pipeline/flow/interruption.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <system_error>
#include <thread>
#include <utility>

namespace fibflow::pipeline {
namespace {

constexpr std::array handled_signals = {SIGINT, SIGTERM, SIGHUP, SIGXCPU, SIGUSR2};

// All that the handler touches: lock-free atomics and async-signal-safe calls.
std::atomic<bool> in_use = false;
std::atomic<int> first_signal = 0;
std::atomic<int> wake_descriptor = -1;
static_assert(std::atomic<int>::is_always_lock_free);

extern "C" void fibflow_interruption_handler(int signal) {
  const int saved_errno = errno;
  int none = 0;
  if (first_signal.compare_exchange_strong(none, signal)) {
    struct sigaction by_default = {};
    by_default.sa_handler = SIG_DFL;
    for (const int other : handled_signals) {
      struct sigaction current = {};
      sigaction(other, nullptr, &current);
      if (current.sa_handler == fibflow_interruption_handler) sigaction(other, &by_default, nullptr);
    }
    const char byte = 1;
    // The pipe is empty, so this cannot block or fall short.
    [[maybe_unused]] const auto written = write(wake_descriptor.load(), &byte, 1);
  }
  errno = saved_errno;
}

}  // namespace

struct Interruption::State {
  std::function<void(int)> on_signal;
  std::stop_source stop;
  std::array<int, 2> wake_pipe = {-1, -1};
  std::array<struct sigaction, handled_signals.size()> previous = {};
  std::thread watcher;

  /// Waits for the handler's byte, or for the end of the pipe.
  void watch() {
    char byte = 0;
    ssize_t count = 0;
    do {
      count = read(wake_pipe[0], &byte, 1);
    } while (count < 0 && errno == EINTR);
    if (count != 1) return;
    if (on_signal) on_signal(first_signal.load());
    stop.request_stop();
  }
};

Interruption::Interruption(std::function<void(int)> on_signal) : state_(std::make_unique<State>()) {
  if (in_use.exchange(true)) throw std::logic_error("another Interruption has taken the signals over");
  state_->on_signal = std::move(on_signal);
  if (pipe2(state_->wake_pipe.data(), O_CLOEXEC) != 0) {
    const int error = errno;
    in_use = false;
    throw std::system_error(error, std::generic_category(), "cannot make a pipe for signals");
  }
  first_signal = 0;
  wake_descriptor = state_->wake_pipe[1];
  try {
    state_->watcher = std::thread([state = state_.get()] { state->watch(); });
  } catch (...) {
    for (const int descriptor : state_->wake_pipe) close(descriptor);
    in_use = false;
    throw;
  }
  struct sigaction action = {};
  action.sa_handler = fibflow_interruption_handler;
  action.sa_flags = SA_RESTART;  // a read or write under way goes on; only the stop_token ends the run
  for (std::size_t i = 0; i < handled_signals.size(); ++i) {
    sigaction(handled_signals[i], nullptr, &state_->previous[i]);
    const bool hangup_ignored = handled_signals[i] == SIGHUP && state_->previous[i].sa_handler == SIG_IGN;
    if (!hangup_ignored) sigaction(handled_signals[i], &action, nullptr);
  }
}

Interruption::~Interruption() {
  for (std::size_t i = 0; i < handled_signals.size(); ++i) {
    sigaction(handled_signals[i], &state_->previous[i], nullptr);
  }
  wake_descriptor = -1;
  close(state_->wake_pipe[1]);
  state_->watcher.join();
  close(state_->wake_pipe[0]);
  in_use = false;
}

std::stop_token Interruption::token() const {
  return state_->stop.get_token();
}

int Interruption::signal() const {
  return first_signal.load();
}

}  // namespace fibflow::pipeline
