#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/formats/formats.h"
#include "pipeline/cli/arguments/arguments.h"
#include "pipeline/cli/commands/commands.h"
#include "pipeline/cli/output/model_description.h"
#include "pipeline/cli/output/stack_description.h"
#include "pipeline/cli/terminal/printable.h"
#include "pipeline/options/exit_codes.h"

namespace fibflow::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Arguments {
  std::vector<std::string> files;
  std::string output_map;
  io::OpenOptions open;
  bool json = false;
};

struct Description {
  Json json;
  std::string text;
};

Description describe(const std::string& path, const Arguments& arguments) {
  if (path.ends_with(".onnx")) {
    const ModelDescription model = describe_model(path, arguments.output_map);
    return {model.json(), model.text()};
  }
  const auto stack = io::open_stack(path, arguments.open);
  return {stack_json(stack->info()), stack_text(stack->info())};
}

/// Describes all files, the unusable ones by their errors; the exit code is that of the first error.
int describe_all(const Arguments& arguments, Context& context) {
  int code = pipeline::exit_ok;
  Json files = Json::array();
  bool first = true;
  for (const std::string& path : arguments.files) {
    if (context.interruption.token().stop_requested()) throw pipeline::Interrupted();
    try {
      Description description = describe(path, arguments);
      files.push_back(std::move(description.json));
      if (!arguments.json) context.out << (first ? "" : "\n") << description.text << std::flush;
      first = false;
    } catch (const std::exception& error) {
      const int error_code = pipeline::exit_code_of(error);
      if (code == pipeline::exit_ok) code = error_code;
      context.terminal.print("fibflow: " + printable(error.what()) + "\n");
      files.push_back({{"path", path}, {"error", error.what()}, {"exit_code", error_code}});
    }
  }
  if (arguments.json) context.out << to_text(Json{{"files", std::move(files)}}) << "\n";
  return code;
}

}  // namespace

void add_info(CLI::App& program, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      program.add_subcommand("info", "Says what a stack or a model is, without reading its voxels.");
  command->add_option("FILE", arguments->files, "stacks (TIFF, folder, glob) and models (.onnx)")->required();
  add_file_order(*command, arguments->open.order);
  add_channel(*command, arguments->open.channel);
  add_output_map(*command, arguments->output_map);
  command->add_flag("--json", arguments->json, "print JSON")->group("Output");
  add_logging_options(*command, context);
  command->footer("All files are tried; the exit code is that of the first one that cannot be used.");
  command->callback([arguments, &context] {
    context.run = [arguments, &context] { return describe_all(*arguments, context); };
  });
}

}  // namespace fibflow::cli
