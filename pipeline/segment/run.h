#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "io/stack.h"
#include "model/statistics/statistics.h"
#include "model/tile/network.h"
#include "pipeline/flow/run_hooks.h"
#include "pipeline/options/options.h"

namespace fibflow::pipeline {

struct RunReport;

/// What a run leaves behind.
struct Outcome {
  std::shared_ptr<RunReport> report;  ///< pipeline/report/run_report.h; as JSON: report_json()
  /// What the network was normalized with at the end: the estimate with the source's share.
  model::Statistics statistics;
  /// Of a run that could be resumed: it is still there, see remove_checkpoint(). Empty: none.
  std::string checkpoint;
};

/// Segments a stack and adapts the network on the way.
///
/// Throws io::Error, model::ModelError, std::invalid_argument (options), BudgetTooSmall, Interrupted, or
/// PipelineError with one of them inside for a failure at a slice. Nothing is then left under the outputs'
/// names. The stack must not be used elsewhere meanwhile. Throws Doubtful if adaptation does not seem to help and
/// the options say to stop then.
///
/// With output.resume, a run that ended early (a failure, a stop, a kill, a power cut) leaves a checkpoint and
/// the outputs as far as they had come, under hidden names; called again with the same arguments, it goes on
/// from there, and all that comes out is the same to the byte. io::Error (bad_data) then also means that the
/// checkpoint is of another run, and says in what, or that it or what it stands on is damaged. A slice is reported done (hooks.advance) once it cannot be lost any more.
Outcome segment(io::Stack& stack, const model::Network& network, const InputOptions& input,
                const AdaptationOptions& adaptation, const OutputOptions& output,
                const ResourceOptions& resources, const RunHooks& hooks = {});

/// Whether all that segment() would write is there and complete: made by a run with output.resume of the same stack,
/// model and options, not changed since, and its checkpoint is gone (remove_checkpoint()). Known by what such runs leave
/// with their outputs (io/files/file_mark.h); false also where the file system keeps nothing of the kind. Throws as segment().
bool is_done(io::Stack& stack, const model::Network& network, const InputOptions& input,
             const AdaptationOptions& adaptation, const OutputOptions& output,
             const ResourceOptions& resources);

/// What a run finds where it is to write.
enum class Standing {
  begins,   ///< nothing that it could go on with
  goes_on,  ///< a part of a run
  done,     ///< all that it makes
};

/// Of a run with these outputs. others: files that are made of its outcome (a report, say); "" is none. is_done: asked only
/// if it could be; see is_done(). Throws io::Error (cannot_create) if all is there, but is not known to be what the run makes.
Standing standing(const OutputOptions& output, const std::vector<std::string>& others,
                  const std::function<bool()>& is_done);

/// What the run was and did, as indented JSON, a line for each slice: the format is documented in
/// pipeline/report/run_report.h, which can also write it without having all of it in memory.
std::string report_json(const Outcome& outcome);

/// Takes away the checkpoint of a run that came to its end, once all that was to be made of its outcome is on
/// the disk: until then, running it again gives the same outcome at once. Throws io::Error.
void remove_checkpoint(const Outcome& outcome, const RunHooks& hooks = {});

/// Adapts the network and segments nothing: measures some slices (AdaptationOptions::probe; 16 if it is not said, spread over
/// the stack), or makes the first of two passes. Throws as segment(), and std::invalid_argument for the recipe none.
Outcome adapt(io::Stack& stack, const model::Network& network, const InputOptions& input,
              AdaptationOptions adaptation, const ResourceOptions& resources, const RunHooks& hooks = {});

/// The network with adapted statistics as ONNX, and in its metadata what they come from: fibflow.adapted_on,
/// fibflow.recipe, fibflow.estimator, fibflow.source_share, fibflow.featureless, fibflow.options, fibflow.version, and the
/// normalization and threshold that were used. The recipe is "none" if the source's statistics were used after all.
std::string adapted_model(const model::Network& network, const Outcome& outcome);

}  // namespace fibflow::pipeline
