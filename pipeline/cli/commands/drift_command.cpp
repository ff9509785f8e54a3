#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "pipeline/cli/arguments/arguments.h"
#include "pipeline/cli/commands/commands.h"
#include "pipeline/cli/output/drift_output.h"
#include "pipeline/cli/output/stack_description.h"
#include "pipeline/options/exit_codes.h"

namespace fibflow::cli {
namespace {

struct Arguments {
  std::string a;
  std::string b;
  std::string output_map;
  int top = 5;
  bool json = false;
};

int drift(const Arguments& arguments, Context& context) {
  const DriftComparison comparison(model::Network::load(arguments.a, arguments.output_map),
                                   model::Network::load(arguments.b, arguments.output_map),
                                   static_cast<std::size_t>(arguments.top));
  for (const std::string& remark : comparison.remarks()) context.log->warn("{}", remark);
  if (arguments.json) {
    context.out << to_text(comparison.json()) << "\n";
  } else {
    comparison.print(context.out);
  }
  return pipeline::exit_ok;
}

}  // namespace

void add_drift(CLI::App& program, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = program.add_subcommand(
      "drift",
      "Says how far apart the BatchNorm statistics of two models are, layer by layer:\n"
      "the target-normalized squared Wasserstein-2 distance, (1 - s'/s)^2 + (m - m')^2/s^2 per channel.");
  command->add_option("A", arguments->a, "a model (.onnx)")->required();
  command->add_option("B", arguments->b, "the same network with other statistics")->required();
  add_output_map(*command, arguments->output_map);
  const std::string group = "Output";
  command->add_option("--top", arguments->top, "channels that moved most, in each direction")
      ->type_name("N")
      ->check(CLI::Range(0, 1000).description(""))
      ->group(group);
  command->add_flag("--json", arguments->json, "print JSON instead of tables")->group(group);
  add_logging_options(*command, context);
  command->footer(
      "0: equal. Per channel, 1 is a mean that is off by one standard deviation, or twice the spread.\n"
      "The true statistics normalize, so the two directions differ. Source and adapted model: how far\n"
      "the domain is. Adapted and target-trained model: only if all trained weights are the same.");
  command->callback(
      [arguments, &context] { context.run = [arguments, &context] { return drift(*arguments, context); }; });
}

}  // namespace fibflow::cli
