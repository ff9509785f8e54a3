#pragma once

#include <spdlog/logger.h>

#include <memory>
#include <ostream>

#include "pipeline/cli/terminal/terminal.h"

namespace fibflow::cli {

/// Reads the command line, runs the command that it names and returns the exit code (pipeline/options/exit_codes.h).
/// Results go to `out`; messages, usage errors and `fibflow: PATH: reason` lines go to the terminal. Throws
/// nothing.
int run_command_line(int argc, const char* const* argv, std::ostream& out, pipeline::Terminal& terminal,
                     std::shared_ptr<spdlog::logger> log);

}  // namespace fibflow::cli
