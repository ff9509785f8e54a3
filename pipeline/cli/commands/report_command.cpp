#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "pipeline/cli/arguments/file_names.h"
#include "pipeline/cli/commands/commands.h"
#include "pipeline/options/exit_codes.h"
#include "pipeline/report/page/report_page.h"

namespace fibflow::cli {
namespace {

struct Arguments {
  std::string run;
  std::string output;
  bool overwrite = false;
};

int report(const Arguments& arguments, Context& context) {
  require_apart({arguments.output}, {arguments.run});
  pipeline::write_report_page(arguments.run, arguments.output, arguments.overwrite);
  context.log->info("{}: open it in a browser", arguments.output);
  return pipeline::exit_ok;
}

}  // namespace

void add_report(CLI::App& program, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = program.add_subcommand(
      "report", "Makes a page to look at from a run's report: pictures, verdict, drift, foreground, time.");
  command->add_option("RUN", arguments->run, "what `segment --report` or `adapt --report` wrote (JSON)")
      ->required();
  command->add_option("-o,--output", arguments->output, "the page: one file that needs no network")
      ->type_name("HTML")
      ->required();
  command->add_flag("--overwrite", arguments->overwrite, "replace the page if it exists")->group("Output");
  add_logging_options(*command, context);
  command->footer("What a run did not record is left out of the page with a word why. Older reports do.");
  command->callback(
      [arguments, &context] { context.run = [arguments, &context] { return report(*arguments, context); }; });
}

}  // namespace fibflow::cli
