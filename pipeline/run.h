#pragma once

#include "io/stack.h"
#include "model/network.h"
#include "model/statistics.h"
#include "pipeline/options.h"
#include "pipeline/run_report.h"

namespace fibflow::pipeline {

/// What a run leaves behind.
struct Outcome {
  RunReport report;
  /// What the network was normalized with at the end: the estimate with the source's share.
  model::Statistics statistics;
};

/// Segments a stack and adapts the network on the way.
///
/// Throws io::Error, model::ModelError, std::invalid_argument (options), BudgetTooSmall, Interrupted, or
/// PipelineError with one of them inside for a failure at a slice. Nothing is then left under the outputs'
/// names. The stack must not be used elsewhere meanwhile. Throws Doubtful if adaptation does not seem to help and the
/// options say to stop then.
Outcome segment(io::Stack& stack, const model::Network& network, const InputOptions& input,
                const AdaptationOptions& adaptation, const OutputOptions& output,
                const ResourceOptions& resources, const RunHooks& hooks = {});

/// Adapts the network and segments nothing: the first of two passes, or a stream without outputs. Throws as
/// segment(), and std::invalid_argument for the recipe none.
Outcome adapt(io::Stack& stack, const model::Network& network, const InputOptions& input,
              const AdaptationOptions& adaptation, const ResourceOptions& resources,
              const RunHooks& hooks = {});

/// The network with adapted statistics as ONNX, and in its metadata what they come from: fibflow.adapted_on,
/// fibflow.recipe, fibflow.estimator, fibflow.source_share, fibflow.options, fibflow.version, and the
/// normalization and threshold that were used.
std::string adapted_model(const model::Network& network, const Outcome& outcome);

}  // namespace fibflow::pipeline
