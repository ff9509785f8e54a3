#include "pipeline/live/watch.h"

#include <stdexcept>
#include <string>
#include <utility>

#include "pipeline/live/live_run.h"
#include "pipeline/live/watch_setting.h"

namespace fibflow::pipeline {

WatchEnd watch(const model::Network& network, const WatchOptions& given, const InputOptions& input,
               const AdaptationOptions& adaptation, const ResourceOptions& resources,
               WatchServices services) {
  WatchOptions options = given;
  if (options.state_folder.empty()) options.state_folder = options.output.folder + "/.state";
  if (options.stop_file.empty()) options.stop_file = options.output.folder + "/stop";
  const std::string folder = followed_path(options.acquisition.folder);
  const std::string output = followed_path(options.output.folder);
  if (output == folder || (options.acquisition.recursive && (output + "/").starts_with(folder + "/"))) {
    throw std::invalid_argument("the output cannot be where slices are looked for: " + options.output.folder);
  }
  ResolvedOptions resolved = resolve_watch_options(network, options, input, adaptation, resources);
  return LiveRun(network, options, input, std::move(resolved), std::move(services)).run();
}

}  // namespace fibflow::pipeline
