#pragma once

#include <functional>
#include <optional>
#include <string>

#include "pipeline/cli/arguments/context.h"
#include "pipeline/flow/run_hooks.h"
#include "pipeline/options/options.h"
#include "pipeline/segment/run.h"

namespace fibflow::cli {

/// The arguments that `segment` and `adapt` share. They outlive the command line.
struct RunArguments {
  std::string stack;
  std::string model;
  io::OpenOptions open;
  std::string output_map;       ///< empty: the model's
  std::string normalization;    ///< empty: the model's
  std::string intensity_range;  ///< empty: found
  std::string report;           ///< empty: none
  std::string trace;            ///< empty: none
  int probe = -1;               ///< -1: the default
  int comparison = -1;          ///< -1: the default
  std::string measure_every;    ///< "all", or a number; empty: the default
  std::string isa;              ///< empty: the best, or that of what was begun
  pipeline::InputOptions input;
  pipeline::AdaptationOptions adaptation;
  pipeline::ResourceOptions resources;
  bool overwrite = false;
};

/// Adds them to a command; may_adapt_nothing: the recipe none is one of its recipes.
void add_run_arguments(CLI::App& command, RunArguments& arguments, bool may_adapt_nothing);

/// The same for a folder that is followed: without --slices, and without what needs the whole stack.
void add_watch_arguments(CLI::App& command, RunArguments& arguments);

/// Adds how masks and probabilities are written: --probability-type, --compression, --threshold.
void add_format_arguments(CLI::App& command, io::PixelType& probability_type, io::Compression& compression,
                          std::optional<double>& threshold);

/// Adds what is made of the network's probabilities: --smooth-z, and --copies.
void add_finishing_arguments(CLI::App& command, pipeline::ZSmoothing& smoothing, int& copies,
                             bool is_for_fine_tuning);

/// Adds what belongs at the end of the help: --overwrite, --report, --trace and the messages.
void add_output_arguments(CLI::App& command, RunArguments& arguments, Context& context);

/// Turns what is kept as text into options, and chooses the instruction set if one is named. Before a model is loaded. Throws
/// std::invalid_argument.
void complete(RunArguments& arguments);

/// Chooses the instruction set that something was begun with, if no other is named. path: of what, for messages. Before a model is
/// loaded. Throws io::Error (bad_data) if this machine does not have it.
void go_on_with(const RunArguments& arguments, const std::optional<std::string>& begun,
                const std::string& path, Context& context);

/// Throws io::Error (cannot_create) if the report or the trace exists and may not be overwritten, or the report cannot be
/// made.
void require_free(const RunArguments& arguments);

/// Throws std::invalid_argument if two of the outputs, report and trace are one file, or one of them is read.
void require_apart(const RunArguments& arguments, std::vector<std::string> outputs, const io::Stack& stack);

/// Calls run. If it stops because of doubt, the report of what it did until then is still written. A failure at a slice
/// names the stack, or the slice's file.
pipeline::Outcome report_doubt(const RunArguments& arguments, const io::Stack& stack,
                               const std::function<pipeline::Outcome()>& run);

/// Lets a run log to the command's log and draw its progress; lives while the run does.
class RunConsole {
 public:
  RunConsole(Context& context, const RunArguments& arguments, std::int64_t voxels_per_slice);

  const pipeline::RunHooks& hooks() const { return hooks_; }

  /// Takes the bar away and logs what the run did and its warnings.
  void conclude(const pipeline::RunReport& report);

 private:
  Context& context_;
  std::unique_ptr<pipeline::Progress> progress_;
  bool compares_ = false;  // with the source: not what the run is about
  pipeline::RunHooks hooks_;
};

/// Keeps memory that was freed from staying with the process, so that --memory can be kept: big blocks are
/// mapped on their own, and few arenas share the small ones.
void keep_heap_small();

}  // namespace fibflow::cli
