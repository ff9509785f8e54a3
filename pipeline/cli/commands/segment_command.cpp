#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "io/error.h"
#include "io/files/file_mark.h"
#include "io/stack.h"
#include "pipeline/cli/arguments/arguments.h"
#include "pipeline/cli/arguments/file_names.h"
#include "pipeline/cli/arguments/run_arguments.h"
#include "pipeline/cli/commands/commands.h"
#include "pipeline/options/exit_codes.h"
#include "pipeline/segment/checkpoint.h"
#include "pipeline/segment/run.h"

namespace fibflow::cli {
namespace {

struct Arguments : RunArguments {
  pipeline::OutputOptions output;
};

/// Everything that the command writes exists.
bool all_is_there(const Arguments& arguments) {
  const auto is_there = [](const std::string& path) { return path.empty() || std::filesystem::exists(path); };
  return is_there(arguments.output.mask) && is_there(arguments.output.probability) &&
         is_there(arguments.report) && is_there(arguments.trace);
}

/// Throws io::Error (cannot_create) unless what is there is what this command makes.
void require_done(const Arguments& arguments) {
  const std::string& mask = arguments.output.mask;
  if (io::mark_of(mask)) {
    const auto stack = io::open_stack(arguments.stack);
    const auto network = model::Network::load(arguments.model);
    if (pipeline::is_done(*stack, network, arguments.input, arguments.adaptation, arguments.output,
                          arguments.resources)) {
      return;
    }
  }
  throw io::Error(io::ErrorKind::cannot_create, mask,
                  "exists already, and is not known to be what this command makes (--overwrite replaces it)");
}

int segment(Arguments& arguments, Context& context) {
  keep_heap_small();
  arguments.output.overwrite = arguments.overwrite;
  // A run that goes on may have been killed between its last steps: what is there may be its own, which the run
  // knows of its outputs, and which nothing is lost with of its report.
  const bool goes_on = arguments.output.resume && pipeline::has_checkpoint(arguments.output.mask);
  // The same command again, after its end.
  const bool may_be_done =
      arguments.output.resume && !goes_on && !arguments.overwrite && all_is_there(arguments);
  arguments.overwrite = arguments.overwrite || goes_on || may_be_done;
  complete(arguments);
  if (may_be_done) {
    require_done(arguments);
    context.log->info("{}: done already", arguments.output.mask);
    return pipeline::exit_ok;
  }
  require_free(arguments.output.mask, arguments.overwrite);
  require_free(arguments.output.probability, arguments.overwrite);
  const auto stack = io::open_stack(arguments.stack);
  require_apart(arguments, {arguments.output.mask, arguments.output.probability}, *stack);
  const auto network = model::Network::load(arguments.model);

  RunConsole console(context, arguments,
                     static_cast<std::int64_t>(stack->info().height) * stack->info().width);
  const pipeline::Outcome outcome = report_doubt(arguments, [&] {
    return pipeline::segment(*stack, network, arguments.input, arguments.adaptation, arguments.output,
                             arguments.resources, console.hooks());
  });
  console.conclude(outcome.report);
  if (!arguments.report.empty()) write_report(outcome.report, arguments.report, arguments.overwrite);
  remove_checkpoint(outcome, console.hooks());
  return pipeline::exit_ok;
}

}  // namespace

void add_segment(CLI::App& program, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = program.add_subcommand("segment",
                                             "Segments a stack, and adapts the model to it on the way.\n"
                                             "One pass, slice by slice, in bounded memory.");
  add_run_arguments(*command, *arguments, true);
  const std::string group = "Output";
  pipeline::OutputOptions& output = arguments->output;
  command->add_option("-o,--output", output.mask, "masks, 0 and 255; class indices if the model has classes")
      ->type_name("TIFF")
      ->required();
  command->add_option("--probability", output.probability, "probabilities of the foreground")
      ->type_name("TIFF")
      ->group(group);
  add_format_arguments(*command, output.probability_type, output.compression, output.threshold);
  auto* resume =
      command
          ->add_flag("--resume", output.resume, "can be cut short; run again, it goes on, or says it is done")
          ->group(group);
  command->add_option("--checkpoint-every", output.checkpoint_seconds, "with --resume: what a kill can cost")
      ->type_name("SECONDS")
      ->check(at_least_zero())
      ->needs(resume)
      ->group(group);
  add_output_arguments(*command, *arguments, context);
  command->callback([arguments, &context] {
    context.run = [arguments, &context] { return segment(*arguments, context); };
  });
}

}  // namespace fibflow::cli
