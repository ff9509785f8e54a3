#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include <iostream>

#include "pipeline/cli/command_line.h"
#include "pipeline/cli/terminal/logging.h"

namespace {

/// A file that is opened later must not become standard output or error: what is printed would go into it.
void open_closed_streams() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) == -1 && errno == EBADF) {
      // The lowest that is free.
      if (::open("/dev/null", descriptor == STDIN_FILENO ? O_RDONLY : O_WRONLY) != descriptor) return;
    }
  }
}

/// Writing fails with a reason then, which is told, instead of ending the process.
void let_writes_fail() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace fibflow;
  open_closed_streams();
  let_writes_fail();
  pipeline::Terminal terminal(std::cerr, [] { return pipeline::terminal_columns(STDERR_FILENO); });
  const auto log = cli::make_logger(terminal);
  return cli::run_command_line(argc, argv, std::cout, terminal, log);
}
