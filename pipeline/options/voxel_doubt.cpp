#include "pipeline/options/voxel_doubt.h"

#include <algorithm>
#include <map>
#include <vector>

#include "pipeline/flow/spoken.h"
#include "pipeline/options/number_list.h"

namespace fibflow::pipeline {
namespace {

constexpr double most_apart = 1.5;

}  // namespace

std::optional<std::string> voxel_doubt(const model::Network& network, const io::VoxelSize& voxel_nm) {
  const auto found = network.metadata().find("fibflow.voxel_nm");
  const auto trained =
      found == network.metadata().end() ? std::nullopt : number_list<double>(found->second, 3);
  const std::vector<double> here = {voxel_nm.z, voxel_nm.y, voxel_nm.x};
  if (!trained || trained->size() != here.size()) return std::nullopt;
  double apart = 1;
  for (std::size_t i = 0; i < here.size(); ++i) {
    if (here[i] > 0 && (*trained)[i] > 0)
      apart = std::max({apart, here[i] / (*trained)[i], (*trained)[i] / here[i]});
  }
  if (apart <= most_apart) return std::nullopt;
  const auto spoken = [](const std::vector<double>& nm) {
    std::string text;
    for (const double size : nm)
      text += (text.empty() ? "" : " x ") + (size > 0 ? formatted("%g", size) : std::string("?"));
    return text + " nm";
  };
  return "the voxels are " + spoken(here) + " (z, y, x), those that the model was trained on " +
         spoken(*trained) +
         ": it looks for objects of another size; scale the stack, or state the right size with --voxel-size";
}

}  // namespace fibflow::pipeline
