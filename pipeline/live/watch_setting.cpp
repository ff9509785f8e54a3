#include "pipeline/live/watch_setting.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>

#include "pipeline/options/resolve_options.h"
#include "pipeline/state/setting.h"

namespace fibflow::pipeline {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

std::string followed_path(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::weakly_canonical(std::filesystem::absolute(path, ignored), ignored).string();
}

ResolvedOptions resolve_watch_options(const model::Network& network, const WatchOptions& options,
                                      const InputOptions& input, AdaptationOptions adaptation,
                                      const ResourceOptions& resources) {
  if (adaptation.recipe == Recipe::two_pass) {
    throw std::invalid_argument("a live acquisition cannot be adapted to in two passes");
  }
  if (neighbouring_slices(input, network) > 1) {
    throw std::invalid_argument(
        network.name() +
        ": a live acquisition cannot give a model neighbouring slices, as the next one is not there yet");
  }
  adaptation.probe_order = ProbeOrder::first;
  adaptation.previews = true;
  // There is time: the next slice is being milled.
  if (adaptation.recipe == Recipe::stream && adaptation.freeze == Freeze::never && !adaptation.measure_every)
    adaptation.measure_every = 1;
  OutputOptions output;
  output.threshold = options.threshold;
  output.smoothing = options.smoothing;
  output.copies = options.copies;
  io::StackInfo stack;
  stack.depth = 1;
  stack.voxel_nm = input.voxel_nm;
  ResolvedOptions resolved = resolve_options(input, adaptation, output, resources, stack, network);
  resolved.end_slice = 0;
  return resolved;
}

Json watch_setting(const model::Network& network, const WatchOptions& options, const InputOptions& input,
                   const ResolvedOptions& resolved) {
  const AcquisitionOptions& acquisition = options.acquisition;
  const LiveOutputOptions& output = options.output;
  Json setting = setting_of(network, resolved);
  setting["folder"] = followed_path(acquisition.folder);
  setting["pattern"] = acquisition.pattern;
  setting["recursive"] = acquisition.recursive;
  setting["first"] = acquisition.first ? Json(*acquisition.first) : Json();
  setting["step"] = acquisition.step ? Json(*acquisition.step) : Json();
  setting["crop"] =
      input.crop ? Json{input.crop->top, input.crop->bottom, input.crop->left, input.crop->right} : Json();
  setting["channels"] = input.channels ? Json(name_of(*input.channels)) : Json();
  setting["voxel_nm"] = {input.voxel_nm.z, input.voxel_nm.y, input.voxel_nm.x};
  setting["order"] = io::name_of(acquisition.open.order);
  setting["channel"] = acquisition.open.channel ? Json(*acquisition.open.channel) : Json();
  for (const nodes::LayerFormat& format : output.layers())
    setting[nodes::plural_of(format.layer)] = io::name_of(format.type);
  setting["compression"] = name_of(output.compression);
  return setting;
}

}  // namespace fibflow::pipeline
