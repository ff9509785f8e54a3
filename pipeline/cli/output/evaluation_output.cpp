#include "pipeline/cli/output/evaluation_output.h"

#include <nlohmann/json.hpp>
#include <string>

#include "pipeline/cli/terminal/text_table.h"

namespace fibflow::cli {
namespace {

using Json = nlohmann::ordered_json;
using pipeline::ClassEvaluation;
using pipeline::Confusion;
using pipeline::Evaluation;

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

}  // namespace

Json result_json(const Evaluation& evaluation) {
  Json json;
  add_scores(json["whole"], evaluation.whole);
  json["slices"] = Json::array();
  for (const auto& [z, confusion] : evaluation.slices) {
    Json& slice = json["slices"].emplace_back(Json{{"z", z}});
    add_scores(slice, confusion);
  }
  return json;
}

Json result_json(const ClassEvaluation& evaluation) {
  Json json;
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
  return json;
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

}  // namespace fibflow::cli
