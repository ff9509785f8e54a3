#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "pipeline/cli/arguments.h"
#include "pipeline/cli/commands.h"
#include "pipeline/cli/stack_description.h"
#include "pipeline/cli/text_table.h"
#include "pipeline/evaluation.h"
#include "pipeline/exit_codes.h"
#include "pipeline/version.h"

namespace fibflow::cli {
namespace {

using Json = nlohmann::ordered_json;
using pipeline::ClassEvaluation;
using pipeline::Confusion;
using pipeline::Evaluation;

struct Arguments {
  std::string prediction;
  std::string truth;
  std::string mask;
  std::optional<double> threshold;
  std::optional<int> label;
  bool all_classes = false;
  pipeline::SliceRange slices;
  bool json = false;
};

// A measure that is not a number (0 / 0) becomes null in JSON, "-" in the table.

void add_scores(Json& json, const Confusion& confusion) {
  json["iou"] = confusion.iou();
  json["dice"] = confusion.dice();
  json["precision"] = confusion.precision();
  json["recall"] = confusion.recall();
  json["true_positive"] = confusion.true_positive;
  json["false_positive"] = confusion.false_positive;
  json["false_negative"] = confusion.false_negative;
  json["true_negative"] = confusion.true_negative;
}

void add_result(Json& json, const Evaluation& evaluation) {
  add_scores(json["whole"], evaluation.whole);
  json["slices"] = Json::array();
  for (const auto& [z, confusion] : evaluation.slices) {
    Json& slice = json["slices"].emplace_back(Json{{"z", z}});
    add_scores(slice, confusion);
  }
}

void add_result(Json& json, const ClassEvaluation& evaluation) {
  json["mean_iou"] = evaluation.mean_iou();
  json["mean_iou_without_background"] = evaluation.mean_iou_without_background();
  json["accuracy"] = evaluation.accuracy();
  json["voxels"] = evaluation.voxels;
  json["classes"] = Json::array();
  for (const auto& [label, confusion] : evaluation.classes) {
    Json& of_class = json["classes"].emplace_back(Json{{"class", label}});
    add_scores(of_class, confusion);
  }
  json["slices"] = Json::array();
  for (const auto& slice : evaluation.slices) {
    json["slices"].push_back({{"z", slice.z}, {"mean_iou", slice.mean_iou}, {"accuracy", slice.accuracy}});
  }
}

void add_row(TextTable& table, const std::string& name, const Confusion& confusion) {
  table.add_row({name, share_cell(confusion.iou()), share_cell(confusion.dice()),
                 share_cell(confusion.precision()), share_cell(confusion.recall()),
                 std::to_string(confusion.true_positive), std::to_string(confusion.false_positive),
                 std::to_string(confusion.false_negative), std::to_string(confusion.true_negative)});
}

TextTable table_of_scores(const std::string& first_heading) {
  TextTable table;
  table.add_row({first_heading, "IoU", "Dice", "precision", "recall", "TP", "FP", "FN", "TN"});
  return table;
}

void print_table(std::ostream& out, const Evaluation& evaluation) {
  TextTable table = table_of_scores("slice");
  for (const auto& [z, confusion] : evaluation.slices) add_row(table, std::to_string(z), confusion);
  add_row(table, "whole", evaluation.whole);
  out << table;
}

void print_table(std::ostream& out, const ClassEvaluation& evaluation) {
  TextTable slices;
  slices.add_row({"slice", "mean IoU", "accuracy"});
  for (const auto& slice : evaluation.slices) {
    slices.add_row({std::to_string(slice.z), share_cell(slice.mean_iou), share_cell(slice.accuracy)});
  }
  slices.add_row({"whole", share_cell(evaluation.mean_iou()), share_cell(evaluation.accuracy())});
  TextTable classes = table_of_scores("class");
  for (const auto& [label, confusion] : evaluation.classes)
    add_row(classes, std::to_string(label), confusion);
  out << slices << "\n"
      << classes
      << "\nmean IoU without the background: " << share_cell(evaluation.mean_iou_without_background())
      << "\n";
}

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
  add_result(json, result);
  context.out << to_text(json) << "\n";
}

int evaluate(const Arguments& arguments, Context& context) {
  const auto prediction = io::open_stack(arguments.prediction);
  const auto truth = io::open_stack(arguments.truth);
  const auto mask = arguments.mask.empty() ? nullptr : io::open_stack(arguments.mask);
  const io::StackInfo& info = truth->info();

  pipeline::EvaluationOptions options;
  options.threshold = arguments.threshold;
  options.label = arguments.label;
  options.slices = arguments.slices.within(info.depth);
  options.stop = context.interruption.token();
  const auto progress = make_progress(context, "evaluate", options.slices.size(),
                                      static_cast<std::int64_t>(info.height) * info.width);
  options.on_slice = [&progress](std::int64_t) {
    if (progress) progress->add_slice();
  };
  if (arguments.all_classes) {
    const auto result = pipeline::evaluate_classes(*prediction, *truth, mask.get(), options);
    if (progress) context.log->debug("evaluated {}", progress->summary());
    print_result(arguments, result, *prediction, *truth, mask.get(), context);
  } else {
    const auto result = pipeline::evaluate(*prediction, *truth, mask.get(), options);
    if (progress) context.log->debug("evaluated {}", progress->summary());
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
