#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "model/tile/network.h"
#include "pipeline/inbox/inbox_folder.h"
#include "pipeline/live/live_output.h"
#include "pipeline/live/watch.h"
#include "pipeline/options/options.h"

namespace fibflow::pipeline {

/// Where stacks are dropped, and where their segmentations go.
struct InboxOptions {
  InboxFolderOptions inbox;
  LiveOutputOptions output;         ///< OUTPUT/NAME for the stack NAME
  std::string model;                ///< file
  std::optional<double> threshold;  ///< as OutputOptions::threshold
  ZSmoothing smoothing;             ///< as OutputOptions::smoothing
  int copies = 1;                   ///< as OutputOptions::copies
  std::string failed_folder;        ///< what cannot be segmented is moved here; default: INBOX/failed
  std::string done_folder;          ///< what is segmented is moved here; default: it stays
  std::string state_folder;         ///< default: OUTPUT/.state
  std::string stop_file;            ///< default: OUTPUT/stop
  double checkpoint_seconds = 10;   ///< how much work a kill can cost
  std::optional<std::chrono::milliseconds> end_after;  ///< without a new stack; default: never
};

/// Segments finished stacks that are dropped into a folder, one after the other, each adapted to by itself, as segment() does:
/// OUTPUT/NAME/masks.tif, report.json and report.html (and probabilities.tif) for the stack NAME; NAME-2, if that is taken.
///
/// A process that is killed at any moment and started again goes on with the stack that was at work, and makes the same bytes.
/// Without room on the disk the run pauses until there is some. A stack that cannot be segmented is moved aside, with the reason
/// in a text beside it, and keeps no other one waiting; moved back, it is tried again. One that was segmented is not segmented
/// again as long as its masks are there; if it changed meanwhile, it is, under another name.
///
/// Throws io::Error, std::invalid_argument (options): what keeps it from serving any stack. When it ends, io::Error (bad_data)
/// if more stacks failed than were segmented, (missing) if none came.
WatchEnd serve_inbox(const model::Network& network, const InboxOptions& options, const InputOptions& input,
                     const AdaptationOptions& adaptation, const ResourceOptions& resources,
                     WatchServices services);

}  // namespace fibflow::pipeline
