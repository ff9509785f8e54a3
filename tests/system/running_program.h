#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace fibflow::testing {

/// How a program ended.
struct ProgramEnd {
  int code = -1;  ///< exit code; -1 if a signal ended it
  int killed_by = 0;
};

struct StartOptions {
  std::map<std::string, std::string> environment;  ///< added to this process's
  std::optional<unsigned> user;                    ///< runs as this user; needs root
};

/// fibflow, started and left running beside the test. Its output goes to a file, so that it can be read while it
/// runs. Killed and reaped by the destructor at the latest.
class RunningProgram {
 public:
  /// `output`: file that gets stdout and stderr, appended. Throws std::runtime_error if it cannot be started.
  RunningProgram(const std::vector<std::string>& arguments, std::string output,
                 const StartOptions& options = {});
  ~RunningProgram();
  RunningProgram(const RunningProgram&) = delete;
  RunningProgram& operator=(const RunningProgram&) = delete;

  pid_t process() const { return process_; }
  bool is_running();
  void signal(int number) const;
  /// Waits until it ends. Nothing if it has not after `seconds`; it runs on then.
  std::optional<ProgramEnd> wait(double seconds = 60);
  /// SIGKILL, and waits for the end.
  void kill();
  /// All that it has said so far.
  std::string said() const;
  /// Resident memory in bytes; 0 if it has ended.
  std::size_t resident_memory() const;

 private:
  pid_t process_ = 0;
  std::string output_;
  std::optional<ProgramEnd> end_;
};

/// Asks again and again until the condition holds. False if it does not within `seconds`, which is only the
/// limit after which a test is broken.
bool await(const std::function<bool()>& condition, double seconds = 60);

}  // namespace fibflow::testing
