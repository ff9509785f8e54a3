#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "pipeline/live/status/live_status.h"

namespace fibflow::pipeline {

/// The status as JSON (version 1):
///
///     format          "fibflow live status"
///     format_version  1; fields may be added without changing it
///     inbox           of an inbox: stack (at work, its slices and slices_done), done, failed, waiting, last
///                     [{name, state, output, reason}]; slices are then those of this process; null otherwise
///     fibflow         version of the program
///     started, now    UTC, ISO 8601
///     state, reason   name_of(LiveState); what is waited for, or what is in the way
///     folder, output, model, options
///     slices          seen, processed, pending, skipped, failed, late
///     newest_slice    z, or null
///     overflows       of inotify's queue
///     slices_per_minute, voxels_per_second (null if not known)
///     latency         seconds: median, p99, longest, mean; null without slices
///     adaptation, drift_from_source
///     memory          resident, budget; bytes
///     disk_free       bytes, or null
///     warnings        {count, last: [{time, times, text}]}
///     recent          the last slices: [{z, finished, foreground, entropy, drift, latency}]
///     picture         z of the slice to look at, or null
nlohmann::ordered_json status_json(
    const LiveStatus& status, std::chrono::system_clock::time_point now = std::chrono::system_clock::now());

/// The whole history, column by column, as charts want it: slices_per_point, and of equal length first_z, last_z,
/// foreground, entropy, drift, latency.
nlohmann::ordered_json history_json(const SliceHistory& history);

/// Writes status_json() to a file that is replaced at once: a reader finds the old status or the new one. Throws
/// io::Error.
void write_status(const LiveStatus& status, const std::string& path);

}  // namespace fibflow::pipeline
