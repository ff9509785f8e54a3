#include "tests/pipeline/run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <stdexcept>

namespace fibflow::testing {
namespace {

struct Ends {
  int ours = -1;
  int theirs = -1;
};

Ends open_pipe() {
  std::array<int, 2> ends;
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("cannot make a pipe");
  return {ends[0], ends[1]};
}

Ends open_terminal() {
  Ends ends;
  winsize size = {};
  size.ws_row = 24;
  size.ws_col = 100;
  if (openpty(&ends.ours, &ends.theirs, nullptr, nullptr, &size) != 0)
    throw std::runtime_error("no terminal");
  fcntl(ends.ours, F_SETFD, FD_CLOEXEC);
  fcntl(ends.theirs, F_SETFD, FD_CLOEXEC);
  return ends;
}

[[noreturn]] void become_program(const std::vector<std::string>& arguments, const ProgramOptions& options,
                                 int out, int err) {
  dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
  if (options.stdout_is_that_terminal) out = err;
  dup2(options.stdout_path.empty() ? out : open(options.stdout_path.c_str(), O_WRONLY), STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  for (const auto& [name, value] : options.environment) setenv(name.c_str(), value.c_str(), 1);
  std::vector<char*> argv = {const_cast<char*>(FIBFLOW_PROGRAM)};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execv(FIBFLOW_PROGRAM, argv.data());
  _exit(127);
}

/// Reads what is there. False at the end; a terminal ends with an error.
bool read_some(int descriptor, std::string& text) {
  std::array<char, 4096> bytes;
  const ssize_t count = read(descriptor, bytes.data(), bytes.size());
  if (count > 0) text.append(bytes.data(), static_cast<std::size_t>(count));
  return count > 0;
}

}  // namespace

ProgramRun run_fibflow(const std::vector<std::string>& arguments, const ProgramOptions& options) {
  const Ends out = open_pipe();
  const Ends err = options.stderr_is_terminal ? open_terminal() : open_pipe();
  const pid_t process = fork();
  if (process == 0) become_program(arguments, options, out.theirs, err.theirs);
  close(out.theirs);
  close(err.theirs);

  ProgramRun run;
  bool signalled = false;
  using Clock = std::chrono::steady_clock;
  bool to_be_killed = options.kill_after.has_value();
  const Clock::time_point deadline = Clock::now() + options.kill_after.value_or(std::chrono::microseconds(0));
  const auto wait = [&] {
    if (!to_be_killed) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    return std::max(0, static_cast<int>(left.count()));
  };
  std::array<pollfd, 2> open_ends = {pollfd{out.ours, POLLIN, 0}, pollfd{err.ours, POLLIN, 0}};
  while (open_ends[0].fd >= 0 || open_ends[1].fd >= 0) {
    if (poll(open_ends.data(), open_ends.size(), wait()) < 0) break;
    if (to_be_killed && Clock::now() >= deadline) {
      kill(process, SIGKILL);
      to_be_killed = false;
    }
    if (open_ends[0].revents != 0 && !read_some(out.ours, run.out)) open_ends[0].fd = -1;
    if (open_ends[1].revents != 0 && !read_some(err.ours, run.err)) open_ends[1].fd = -1;
    if (!signalled && options.signal_when && run.err.find(*options.signal_when) != std::string::npos) {
      kill(process, options.signal);
      signalled = true;
    }
  }
  close(out.ours);
  close(err.ours);
  int status = 0;
  waitpid(process, &status, 0);
  if (WIFEXITED(status)) run.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) run.killed_by = WTERMSIG(status);
  return run;
}

}  // namespace fibflow::testing
