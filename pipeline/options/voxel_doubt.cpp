#include "pipeline/options/voxel_doubt.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <string_view>

#include "pipeline/flow/spoken.h"

namespace fibflow::pipeline {
namespace {

constexpr double most_apart = 1.5;

/// Nothing if the text is not three numbers with commas between them.
std::optional<std::array<double, 3>> three_numbers(std::string_view text) {
  std::array<double, 3> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), numbers[i]);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const bool last = i + 1 == numbers.size();
    if (last != text.empty() || (!last && text.front() != ',')) return std::nullopt;
    if (!last) text.remove_prefix(1);
  }
  return numbers;
}

}  // namespace

std::optional<std::string> voxel_doubt(const model::Network& network, const io::VoxelSize& voxel_nm) {
  const auto found = network.metadata().find("fibflow.voxel_nm");
  const auto trained = found == network.metadata().end() ? std::nullopt : three_numbers(found->second);
  if (!trained) return std::nullopt;
  const std::array<double, 3> here = {voxel_nm.z, voxel_nm.y, voxel_nm.x};
  double apart = 1;
  for (std::size_t i = 0; i < here.size(); ++i) {
    if (here[i] > 0 && (*trained)[i] > 0)
      apart = std::max({apart, here[i] / (*trained)[i], (*trained)[i] / here[i]});
  }
  if (apart <= most_apart) return std::nullopt;
  const auto spoken = [](const std::array<double, 3>& nm) {
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
