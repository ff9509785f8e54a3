#pragma once

#include "io/stack.h"
#include "model/tile/network.h"
#include "pipeline/options/resolved_options.h"

namespace fibflow::pipeline {

/// Fills in every default, from the model's metadata and the machine where they say.
/// Throws std::invalid_argument for options that are out of range or contradict each other, and
/// model::ModelError with the way to export it right if the recipe adapts and the model has no BatchNorm
/// layers.
ResolvedOptions resolve_options(const InputOptions& input, const AdaptationOptions& adaptation,
                                const OutputOptions& output, const ResourceOptions& resources,
                                const io::StackInfo& stack, const model::Network& network);

/// How many slices the network gets for one: 1, or as many as it has channels if those are neighbours in z. Throws
/// model::ModelError if it has several channels and nobody says what they are.
int neighbouring_slices(const InputOptions& input, const model::Network& network);

}  // namespace fibflow::pipeline
