#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "io/files/atomic_file.h"
#include "io/formats/formats.h"
#include "pipeline/cli/arguments/file_names.h"
#include "pipeline/cli/arguments/run_arguments.h"
#include "pipeline/cli/commands/commands.h"
#include "pipeline/options/exit_codes.h"
#include "pipeline/report/run_report.h"
#include "pipeline/segment/run.h"

namespace fibflow::cli {
namespace {

struct Arguments : RunArguments {
  std::string output;
};

int adapt(Arguments& arguments, Context& context) {
  keep_heap_small();
  complete(arguments);
  require_ending(arguments.output, ".onnx");
  require_free(arguments);
  // Opened before any work: whether the model can be written shows now, not in an hour.
  io::AtomicFile file(arguments.output, arguments.overwrite, io::ResumeAt());
  const auto stack = io::open_stack(arguments.stack, arguments.open);
  require_apart(arguments, {arguments.output}, *stack);
  const auto network = model::Network::load(arguments.model, arguments.output_map);

  RunConsole console(context, arguments,
                     static_cast<std::int64_t>(stack->info().height) * stack->info().width);
  pipeline::Outcome outcome = report_doubt(arguments, *stack, [&] {
    return pipeline::adapt(*stack, network, arguments.input, arguments.adaptation, arguments.resources,
                           console.hooks());
  });
  const std::string bytes = adapted_model(network, outcome);
  file.write(bytes.data(), bytes.size());
  file.commit();
  outcome.report->outputs.emplace_back("model", arguments.output);
  console.conclude(*outcome.report);
  if (!arguments.report.empty()) write_report(*outcome.report, arguments.report, arguments.overwrite);
  return pipeline::exit_ok;
}

}  // namespace

void add_adapt(CLI::App& program, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      program.add_subcommand("adapt",
                             "Adapts a model to a stack and writes it as ONNX, usable by any ONNX runtime.\n"
                             "The statistics in it are those that were used: with the source's share.");
  add_run_arguments(*command, *arguments, false);
  command->add_option("-o,--output", arguments->output, "the adapted model")->type_name("ONNX")->required();
  add_output_arguments(*command, *arguments, context);
  command->callback(
      [arguments, &context] { context.run = [arguments, &context] { return adapt(*arguments, context); }; });
}

}  // namespace fibflow::cli
