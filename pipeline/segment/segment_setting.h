#pragma once

#include <nlohmann/json_fwd.hpp>

#include "io/stack.h"
#include "model/tile/network.h"
#include "pipeline/options/options.h"
#include "pipeline/options/resolved_options.h"

namespace fibflow::pipeline {

/// All that decides the bytes of a segmentation (pipeline/state/setting.h): what every run has, the input (its files by size
/// and time), the outputs. Throws io::Error (missing) if a file of the stack is gone.
nlohmann::ordered_json segment_setting(const ResolvedOptions& options, const io::Stack& stack,
                                       const model::Network& network, const OutputOptions& output);

}  // namespace fibflow::pipeline
