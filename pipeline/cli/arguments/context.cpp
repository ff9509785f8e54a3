#include "pipeline/cli/arguments/context.h"

#include <CLI/CLI.hpp>
#include <utility>

namespace fibflow::cli {

void add_logging_options(CLI::App& command, Context& context) {
  const std::string group = "Messages";
  auto* quiet = command
                    .add_flag_callback(
                        "-q,--quiet",
                        [&context] {
                          context.quiet = true;
                          context.log->set_level(spdlog::level::warn);
                        },
                        "only warnings and errors, no progress bar")
                    ->group(group);
  command
      .add_flag_callback(
          "-v,--verbose", [&context] { context.log->set_level(spdlog::level::debug); }, "also the details")
      ->group(group)
      ->excludes(quiet);
}

std::unique_ptr<pipeline::Progress> make_progress(Context& context, std::string verb, std::int64_t slices,
                                                  std::int64_t voxels_per_slice) {
  if (context.quiet) return nullptr;
  return std::make_unique<pipeline::Progress>(
      context.terminal, pipeline::Progress::Work{std::move(verb), slices, voxels_per_slice});
}

}  // namespace fibflow::cli
