#pragma once

#include <spdlog/logger.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "pipeline/cli/terminal/progress.h"
#include "pipeline/cli/terminal/terminal.h"
#include "pipeline/flow/interruption.h"

namespace CLI {
class App;
}

namespace fibflow::cli {

/// What every command is given; it outlives them.
struct Context {
  std::ostream& out;             ///< stdout: results and nothing else
  pipeline::Terminal& terminal;  ///< stderr: log lines and the progress bar
  std::shared_ptr<spdlog::logger> log;
  pipeline::Interruption& interruption;
  bool quiet = false;

  /// Set by the command that the user named, when its arguments have been read; returns the exit code.
  std::function<int()> run;
};

/// Adds --quiet and --verbose to a command.
void add_logging_options(CLI::App& command, Context& context);

/// A progress bar, or null with --quiet. Log `progress->summary()` when all is done.
std::unique_ptr<pipeline::Progress> make_progress(Context& context, std::string verb, std::int64_t slices,
                                                  std::int64_t voxels_per_slice);

}  // namespace fibflow::cli
