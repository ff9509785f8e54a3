#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace fibflow::testing {

/// What a run of the program left.
struct ProgramRun {
  int code = -1;  ///< exit code; -1 if a signal killed it
  int killed_by = 0;
  std::string out;
  std::string err;
};

struct ProgramOptions {
  bool stderr_is_terminal = false;                 ///< 100 columns wide
  bool stdout_is_that_terminal = false;            ///< then both are in ProgramRun::err, as a user sees them
  std::string stdout_path;                         ///< where stdout goes, if not into ProgramRun::out
  std::map<std::string, std::string> environment;  ///< added to this process's
  /// A signal sent as soon as stderr holds this text.
  std::optional<std::string> signal_when;
  int signal = 0;
  std::optional<std::chrono::microseconds> kill_after;  ///< SIGKILL so long after the start
};

/// Runs fibflow with these arguments, stdin empty, and waits for its end.
ProgramRun run_fibflow(const std::vector<std::string>& arguments, const ProgramOptions& options = {});

}  // namespace fibflow::testing
