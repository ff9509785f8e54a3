#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "io/formats/formats.h"
#include "pipeline/cli/arguments/arguments.h"
#include "pipeline/cli/arguments/file_names.h"
#include "pipeline/cli/arguments/run_arguments.h"
#include "pipeline/cli/commands/commands.h"
#include "pipeline/options/exit_codes.h"
#include "pipeline/report/run_report.h"
#include "pipeline/segment/checkpoint.h"
#include "pipeline/segment/run.h"

namespace fibflow::cli {
namespace {

struct Arguments : RunArguments {
  pipeline::OutputOptions output;
};

int segment(Arguments& arguments, Context& context) {
  keep_heap_small();
  arguments.output.overwrite = arguments.overwrite;
  complete(arguments);
  require_stack_ending(arguments.output.mask);
  require_stack_ending(arguments.output.probability);
  if (arguments.output.resume) {
    go_on_with(arguments, pipeline::begun_instruction_set(arguments.output.mask),
               pipeline::checkpoint_path(arguments.output.mask), context);
  }
  const pipeline::Standing standing =
      pipeline::standing(arguments.output, {arguments.report, arguments.trace}, [&] {
        return pipeline::is_done(*io::open_stack(arguments.stack, arguments.open),
                                 model::Network::load(arguments.model, arguments.output_map), arguments.input,
                                 arguments.adaptation, arguments.output, arguments.resources);
      });
  if (standing == pipeline::Standing::done) {
    context.log->info("{}: done already", arguments.output.mask);
    return pipeline::exit_ok;
  }
  // A run that goes on may have been killed between its last steps: what is there may be its own, which the run
  // knows of its outputs, and which nothing is lost with of its report.
  arguments.overwrite = arguments.overwrite || standing == pipeline::Standing::goes_on;
  require_free(arguments);
  std::vector<std::string> outputs;
  for (const pipeline::LayerOutput& layer : arguments.output.layers()) {
    require_free(layer.path, arguments.overwrite);
    outputs.push_back(layer.path);
  }
  const auto stack = io::open_stack(arguments.stack, arguments.open);
  require_apart(arguments, outputs, *stack);
  const auto network = model::Network::load(arguments.model, arguments.output_map);

  RunConsole console(context, arguments,
                     static_cast<std::int64_t>(stack->info().height) * stack->info().width);
  const pipeline::Outcome outcome = report_doubt(arguments, *stack, [&] {
    return pipeline::segment(*stack, network, arguments.input, arguments.adaptation, arguments.output,
                             arguments.resources, console.hooks());
  });
  console.conclude(*outcome.report);
  if (!arguments.report.empty()) write_report(*outcome.report, arguments.report, arguments.overwrite);
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
  add_finishing_arguments(*command, output.smoothing, output.copies, false);
  auto* resume = command
                     ->add_flag("--resume", output.resume,
                                "can be interrupted: the same command goes on, or says it is done")
                     ->group(group);
  command
      ->add_option("--checkpoint-every", output.checkpoint_seconds,
                   "with --resume: how much work a kill can cost")
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
