#include "pipeline/adapt/match.h"

#include <algorithm>
#include <cmath>

#include "pipeline/flow/spoken.h"
#include "pipeline/options/metadata_numbers.h"

namespace fibflow::pipeline {
namespace {

constexpr double most_apart = 1.5;

/// How many times as large one is as the other, whichever it is; 1 if one of them is not known.
double apart(double here, double there) {
  return here > 0 && there > 0 ? std::max(here / there, there / here) : 1;
}

}  // namespace

double log_distance(double value, double of_training) {
  constexpr double least = 1e-6;
  return std::abs(std::log(std::max(value, least) / of_training));
}

std::optional<nodes::Scale> stated_scale(const model::Network& network, const io::VoxelSize& voxel_nm) {
  const auto trained = metadata_numbers(network, "fibflow.voxel_nm", 3);
  if (!trained) return std::nullopt;
  const auto ratio = [](double here, double there) {
    if (!(here > 0) || !(there > 0)) return 0.0;
    const double by = here / there;
    constexpr double close = 1.05;
    constexpr double most = 8;
    if (by > most || by < 1 / most) return 0.0;
    return by < close && by > 1 / close ? 1.0 : by;
  };
  const nodes::Scale scale{ratio(voxel_nm.y, (*trained)[1]), ratio(voxel_nm.x, (*trained)[2])};
  if (scale.y == 0 || scale.x == 0) return std::nullopt;
  return scale;
}

Match stated_match(const model::Network& network, const ResolvedOptions& options,
                   const io::VoxelSize& voxel_nm) {
  Match match;
  // The paper's two passes measure without the source, and blend it in afterwards.
  match.shares = {options.recipe == Recipe::two_pass ? 0 : options.source_share, options.source_share};
  const auto of_model = metadata_numbers(network, "fibflow.scale", 2);
  if (options.scale) {
    match.scale = {*options.scale, *options.scale};
    match.from = "option";
  } else if (of_model && (*of_model)[0] > 0 && (*of_model)[1] > 0) {
    match.scale = {(*of_model)[0], (*of_model)[1]};
    match.from = "model";
  } else if (const auto stated = stated_scale(network, voxel_nm)) {
    match.scale = *stated;
    match.from = "voxel size";
  }
  return match;
}

std::optional<std::string> voxel_doubt(const model::Network& network, const ResolvedOptions& options,
                                       const Match& match, const io::VoxelSize& voxel_nm) {
  const auto trained = metadata_numbers(network, "fibflow.voxel_nm", 3);
  if (!trained) return std::nullopt;
  const double y = voxel_nm.y / match.scale.y;
  const double x = voxel_nm.x / match.scale.x;
  // What was chosen by what the network makes of it is in the report, with the other scales that were looked at.
  const bool was_looked_at = match.from == "expected IoU";
  constexpr double far = 4;
  const double by = std::max({match.scale.y, match.scale.x, 1 / match.scale.y, 1 / match.scale.x});
  if (match.from == "voxel size" && by > far) {
    return formatted(
        "by the voxel sizes the network sees slices of %.3g times the height: the stack's are %.3g x %.3g nm "
        "(y, x), those of the "
        "training %.3g x %.3g nm; --voxel-size states the right size, if that is not so",
        match.scale.y, voxel_nm.y, voxel_nm.x, (*trained)[1], (*trained)[2]);
  }
  if (!was_looked_at && std::max(apart(y, (*trained)[1]), apart(x, (*trained)[2])) > most_apart) {
    return formatted(
        "the network sees pixels of %.3g x %.3g nm (y, x), those that it was trained on are %.3g x %.3g nm: "
        "it looks for "
        "objects of another size; %s--voxel-size states the right size",
        y, x, (*trained)[1], (*trained)[2],
        match.from == "option" ? "without --scale they are brought to the same; " : "");
  }
  if (options.neighbours > 1 && apart(voxel_nm.z, trained->front()) > most_apart) {
    return formatted(
        "the slices are %.3g nm thick, those that the network was trained on %.3g nm: neighbouring slices "
        "are not as it knows "
        "them; --voxel-size states the right size",
        voxel_nm.z, trained->front());
  }
  return std::nullopt;
}

std::optional<double> trained_foreground(const model::Network& network) {
  return positive_metadata(network, "fibflow.foreground");
}

std::string spoken(const nodes::Scale& scale) {
  return scale.y == scale.x ? formatted("%.3g", scale.y) : formatted("%.3g x %.3g (y, x)", scale.y, scale.x);
}

std::string one_line(const Match& match) {
  std::string text = "scale " + spoken(match.scale) + " (" + match.from + "), the source's share " +
                     formatted("%g", match.shares.used);
  if (match.shares.used > 0 && match.shares.measuring != match.shares.used)
    text += match.shares.measuring == 0 ? " after measuring" : "";
  if (match.candidates.empty()) return text;
  text += "; expected IoU";
  for (const MatchCandidate& candidate : match.candidates) {
    const char* place = candidate.shares.used == 1        ? " as it is"
                        : candidate.shares.used == 0      ? " without share"
                        : candidate.shares.measuring == 0 ? " after"
                                                          : "";
    text += (&candidate == &match.candidates.front() ? " " : ", ") +
            formatted("%.3f", candidate.expected_iou) + " at " + spoken(candidate.scale) + place;
  }
  return text;
}

}  // namespace fibflow::pipeline
