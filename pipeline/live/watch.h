#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "model/tile/network.h"
#include "pipeline/live/acquisition.h"
#include "pipeline/live/live_output.h"
#include "pipeline/live/live_requests.h"
#include "pipeline/live/status/live_status.h"
#include "pipeline/live/status/liveness.h"
#include "pipeline/options/options.h"

namespace fibflow::pipeline {

/// What is followed, and where its segmentation goes.
struct WatchOptions {
  AcquisitionOptions acquisition;
  LiveOutputOptions output;
  std::string model;                ///< file: its contents must be the same after a restart
  std::optional<double> threshold;  ///< as OutputOptions::threshold
  ZSmoothing smoothing;             ///< as OutputOptions::smoothing; a slice waits for the next one then
  int copies = 1;                   ///< as OutputOptions::copies
  std::string state_folder;         ///< default: OUTPUT/.state
  std::string stop_file;            ///< default: OUTPUT/stop
  std::optional<std::chrono::milliseconds> end_after;  ///< without a new slice; default: never
  /// What was left out after the last slice that was segmented is tried again: it was mended meanwhile.
  bool retry_left_out = false;
  /// After a stop request: what is in flight then is given up, and done again by the next process.
  std::chrono::milliseconds finish_within{60'000};
};

/// How a live run talks to whoever started it. log and warn are called from several threads, also at once. The services
/// outlive the run.
struct WatchServices {
  std::stop_token stop;  ///< finish what is in flight, if that does not take too long, and return
  std::function<void(const std::string& line)> log;
  std::function<void(const std::string& line)> warn;
  StatusBoard& board;
  Liveness& liveness;
  LiveRequests& requests;
  std::function<void()> ready;  ///< called once, when the folder is being followed
};

enum class WatchEnd {
  complete,  ///< the acquisition is over: all of it is segmented and in the stacks
  stopped,   ///< on request; a restart goes on
};

/// Segments an acquisition while it runs, slice by slice as they are complete, and adapts the network on the way.
///
/// The first slices (3, or as many as the probe has) wait until they are all there: their statistics decide how each of
/// them is segmented. A mask that has been written never changes.
///
/// Each mask is on the disk before its slice counts as processed, and with it, in the state folder, all that the slices
/// to come depend on. A process that is killed at any moment and started again makes the same bytes as one that was not.
/// Without room on the disk the run pauses until there is some. It ends when no new slice has come for `end_after`, or
/// when the stop file appears (which is then removed): it takes all that is there, and writes the stacks and a report.
///
/// Throws io::Error, model::ModelError, std::invalid_argument (options), BudgetTooSmall. A state of another model, folder or
/// other options is an io::Error (see require_same_run()), and so is another process at work on the output (cannot_create).
WatchEnd watch(const model::Network& network, const WatchOptions& options, const InputOptions& input,
               const AdaptationOptions& adaptation, const ResourceOptions& resources, WatchServices services);

}  // namespace fibflow::pipeline
