#pragma once

#include <nlohmann/json_fwd.hpp>
#include <ostream>

#include "pipeline/evaluate/evaluation.h"

namespace fibflow::cli {

// What `fibflow evaluate --json` prints is one object:
//
//   fibflow       version of the program
//   prediction    the stack, as `fibflow info --json` describes it; so are truth and mask (null without --mask)
//   foreground    "not 0", "threshold", "class K" or "each class"
//   threshold     share of the type's maximum above which the prediction is foreground; null without --threshold
//   first_slice, end_slice    slices [first_slice, end_slice) were compared
//
// and for one foreground
//
//   whole         scores over all slices: iou, dice, precision, recall, true_positive, false_positive, false_negative,
//                 true_negative
//   slices        array of the same scores per slice, with its z
//
// with --classes instead
//
//   mean_iou, mean_iou_without_background, accuracy, voxels    over all slices
//   classes       array of the same scores per class (the field `class`) that the prediction or the truth has
//   slices        array of z, mean_iou, accuracy
//
// Counts are of voxels. A measure that is 0 / 0 is null: what is neither predicted nor there has no score.

/// The fields from `whole` or `mean_iou` on.
nlohmann::ordered_json result_json(const pipeline::Evaluation& evaluation);
nlohmann::ordered_json result_json(const pipeline::ClassEvaluation& evaluation);

/// The same for people.
void print_table(std::ostream& out, const pipeline::Evaluation& evaluation);
void print_table(std::ostream& out, const pipeline::ClassEvaluation& evaluation);

}  // namespace fibflow::cli
