#pragma once

#include <memory>
#include <stop_token>

namespace fibflow::pipeline {

/// What a user asks a daemon for by signals: SIGHUP, to look at everything again; SIGUSR1, to write what there is now.
/// Also wakes it up for a stop. While one lives, these signals do nothing else; SIGHUP stays ignored where it was
/// (nohup). One at a time in a process, made after the Interruption if there is one.
class LiveRequests {
 public:
  /// Throws std::logic_error if another one lives, std::system_error.
  explicit LiveRequests(std::stop_token stop);
  ~LiveRequests();
  LiveRequests(const LiveRequests&) = delete;
  LiveRequests& operator=(const LiveRequests&) = delete;

  /// Can be read while there is something to be seen to: for poll(2).
  int descriptor() const;

  /// Makes the descriptor unreadable again; before looking at what is asked for.
  void clear();

  bool take_rescan();  ///< asked for since the last call
  bool take_stack();
  bool stack_is_asked() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fibflow::pipeline
