#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "io/formats/formats.h"
#include "pipeline/cli/arguments/arguments.h"
#include "pipeline/cli/commands/commands.h"
#include "pipeline/cli/output/evaluation_output.h"
#include "pipeline/cli/output/stack_description.h"
#include "pipeline/evaluate/evaluation.h"
#include "pipeline/options/exit_codes.h"
#include "pipeline/options/version.h"

namespace fibflow::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Arguments {
  std::string prediction;
  std::string truth;
  std::string mask;
  std::optional<double> threshold;
  std::optional<int> label;
  bool all_classes = false;
  std::string foreground;  ///< "nonzero" or empty
  pipeline::SliceRange slices;
  bool json = false;
};

std::string foreground_of(const Arguments& arguments) {
  if (arguments.all_classes) return "each class";
  if (arguments.label) return "class " + std::to_string(*arguments.label);
  return arguments.threshold ? "threshold" : "not 0";
}

template <typename Result>
void print_result(const Arguments& arguments, const Result& result, const io::Stack& prediction,
                  const io::Stack& truth, const io::Stack* mask, Context& context) {
  if (!arguments.json) {
    print_table(context.out, result);
    return;
  }
  Json json;
  json["fibflow"] = pipeline::version();
  json["prediction"] = stack_json(prediction.info());
  json["truth"] = stack_json(truth.info());
  json["mask"] = mask != nullptr ? stack_json(mask->info()) : Json();
  json["foreground"] = foreground_of(arguments);
  json["threshold"] = arguments.threshold ? Json(*arguments.threshold) : Json();
  const auto slices = arguments.slices.within(truth.info().depth);
  json["first_slice"] = slices.first;
  json["end_slice"] = *slices.end;
  json.update(result_json(result));
  context.out << to_text(json) << "\n";
}

int evaluate(const Arguments& arguments, Context& context) {
  io::OpenOptions as_labels;
  as_labels.labels = true;
  const auto prediction = io::open_stack(arguments.prediction, as_labels);
  const auto truth = io::open_stack(arguments.truth, as_labels);
  const auto mask = arguments.mask.empty() ? nullptr : io::open_stack(arguments.mask, as_labels);
  const io::StackInfo& info = truth->info();

  pipeline::EvaluationOptions options;
  options.threshold = arguments.threshold;
  options.label = arguments.label;
  options.objects = !arguments.foreground.empty();
  options.slices = arguments.slices.within(info.depth);
  options.stop = context.interruption.token();
  auto progress = make_progress(context, "evaluate", options.slices.size(),
                                static_cast<std::int64_t>(info.height) * info.width);
  options.on_slice = [&progress](std::int64_t) {
    if (progress) progress->add_slice();
  };
  // The bar must be gone before results are printed: they may go to the same terminal.
  const auto conclude = [&progress, &context] {
    if (progress) context.log->debug("evaluated {}", progress->summary());
    progress.reset();
  };
  if (arguments.all_classes) {
    const auto result = pipeline::evaluate_classes(*prediction, *truth, mask.get(), options);
    conclude();
    print_result(arguments, result, *prediction, *truth, mask.get(), context);
  } else {
    const auto result = pipeline::evaluate(*prediction, *truth, mask.get(), options);
    conclude();
    for (const std::string& remark : result.remarks) context.log->warn("{}", remark);
    print_result(arguments, result, *prediction, *truth, mask.get(), context);
  }
  return pipeline::exit_ok;
}

}  // namespace

void add_evaluate(CLI::App& program, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      program.add_subcommand("evaluate",
                             "Compares a segmentation with the truth: IoU, Dice, precision, recall.\n"
                             "Per slice and whole, slice by slice, so that stacks may be of any size.");
  command->add_option("PREDICTION", arguments->prediction, "masks, class indices or probabilities")
      ->required();
  command->add_option("TRUTH", arguments->truth, "what is right; a stack of the same shape")->required();

  const std::string what = "What is compared";
  command->add_option("--mask", arguments->mask, "only voxels where this stack is not 0")
      ->type_name("VALID")
      ->group(what);
  add_slices_option(*command, arguments->slices)->group(what);
  auto* threshold =
      command
          ->add_option("--threshold", arguments->threshold,
                       "foreground: above this share of 255 or 65535 (floats: above this value)")
          ->type_name("T")
          ->group(what);
  auto* label =
      command->add_option("--class", arguments->label, "foreground: what has class index K, in both stacks")
          ->type_name("K")
          ->check(CLI::Range(0, 65535).description(""))
          ->excludes(threshold)
          ->group(what);
  command->add_flag("--classes", arguments->all_classes, "every class index on its own, and the mean IoU")
      ->excludes(threshold)
      ->excludes(label)
      ->group(what);
  command->add_option("--foreground", arguments->foreground, "nonzero: any number of an object is")
      ->type_name("nonzero")
      ->check(CLI::IsMember({"nonzero"}).description(""))
      ->excludes(label)
      ->group(what);
  command->add_flag("--json", arguments->json, "print JSON instead of a table")->group("Output");
  add_logging_options(*command, context);
  command->footer(
      "Without --threshold, --class or --classes, every voxel that is not 0 is foreground.\n"
      "A measure that does not exist, as the IoU of two empty slices, is printed as - (JSON: null).");
  command->callback([arguments, &context] {
    context.run = [arguments, &context] { return evaluate(*arguments, context); };
  });
}

}  // namespace fibflow::cli
