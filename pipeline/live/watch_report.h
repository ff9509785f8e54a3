#pragma once

#include <memory>
#include <nlohmann/json.hpp>
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
/// Only the first slices are compared with the source: there is no written_agreement, and the sign "left the source" (see
/// Doubt) is not looked for.
struct WatchReport {
  RunReport run;
  nlohmann::ordered_json doubt;     ///< {"comparison", "doubt"}: in place of the run's; null: neither
  nlohmann::ordered_json previews;  ///< in place of the run's; null: none
  std::vector<JournalEntry> done;   ///< one for each slice of the run
  std::vector<JournalEntry> left_out;
  std::shared_ptr<const LiveStatus> status;

  /// Replaces the file. Throws io::Error.
  void write(const std::string& path) const;
};

}  // namespace fibflow::pipeline
