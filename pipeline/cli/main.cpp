#include <unistd.h>

#include <iostream>

#include "pipeline/cli/command_line.h"
#include "pipeline/cli/terminal/logging.h"

int main(int argc, char** argv) {
  using namespace fibflow;
  pipeline::Terminal terminal(std::cerr, [] { return pipeline::terminal_columns(STDERR_FILENO); });
  const auto log = cli::make_logger(terminal);
  return cli::run_command_line(argc, argv, std::cout, terminal, log);
}
