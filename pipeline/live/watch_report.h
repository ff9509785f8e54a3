#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pipeline/live/status/live_status.h"
#include "pipeline/live/watch_journal.h"
#include "pipeline/report/run_report.h"

namespace fibflow::pipeline {

/// What a live run was and did: a run report (see RunReport) with, in addition,
///
///     slices[]   file, and latency: seconds from the complete file to the mask on the disk
///     left_out   [{first, last, reason: "never came" or "could not be used", file}]
///     latency    seconds: median, p99, longest; null without slices
///     counts     seen, processed, skipped, failed, late, overflows
///
/// Only the first slices are compared with the source.
struct WatchReport {
  RunReport run;
  std::vector<JournalEntry> left_out;
  std::shared_ptr<const LiveStatus> status;

  /// Replaces the file. Throws io::Error.
  void write(const std::string& path) const;
};

}  // namespace fibflow::pipeline
