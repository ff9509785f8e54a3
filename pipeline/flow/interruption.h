#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <stop_token>

namespace fibflow::pipeline {

/// A run ended because its stop_token asked it to. What it had begun to write is gone.
class Interrupted : public std::runtime_error {
 public:
  Interrupted() : std::runtime_error("stopped before it was done") {}
};

/// Turns the first SIGINT, SIGTERM or SIGHUP, or what a batch system warns with (SIGXCPU, SIGUSR2), into a stop request that a run can heed. After it the signals
/// have their default action again, so a second one kills at once. SIGHUP stays ignored where it was (nohup).
/// One at a time in a process; the members may be called from any thread.
class Interruption {
 public:
  /// Takes the signals over. `on_signal`, if any, is called once with the signal, on a thread of its own,
  /// before the stop is requested: it may log. Throws std::logic_error if another Interruption lives,
  /// std::system_error.
  explicit Interruption(std::function<void(int signal)> on_signal = {});

  /// Gives the signals back to the handlers they had.
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  std::stop_token token() const;

  /// The first signal that came, or 0.
  int signal() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fibflow::pipeline
