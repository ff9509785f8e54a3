#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "model/tile/network.h"
#include "pipeline/live/watch.h"
#include "pipeline/options/resolved_options.h"

namespace fibflow::pipeline {

/// The same path whatever the working directory, links followed as far as they lead.
std::string followed_path(const std::string& path);

/// Every option of a live run with its default filled in. Its range is empty: nobody knows how many slices come. Throws
/// as resolve_options(), and std::invalid_argument for two passes.
ResolvedOptions resolve_watch_options(const model::Network& network, const WatchOptions& options,
                                      const InputOptions& input, AdaptationOptions adaptation,
                                      const ResourceOptions& resources);

/// All that the result depends on besides the slices (pipeline/state/setting.h): what every run has, the folder and how its
/// files are numbered, the outputs.
nlohmann::ordered_json watch_setting(const model::Network& network, const WatchOptions& options,
                                     const InputOptions& input, const ResolvedOptions& resolved);

}  // namespace fibflow::pipeline
