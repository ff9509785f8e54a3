#pragma once

#include <string>

#include "pipeline/report/page/recorded_run.h"

namespace fibflow::pipeline {

/// A run as one HTML page for people: verdict, pictures, drift, foreground and entropy over z, time and memory, options.
/// The page is complete in itself: no script, and nothing is loaded from anywhere. What the report lacks is left out,
/// with a word why. All text of the report is escaped.
std::string report_page(const RecordedRun& run);

/// The page of a report's file, as a file: it appears under its name when it is complete. Throws io::Error.
void write_report_page(const std::string& report, const std::string& page, bool overwrite);

}  // namespace fibflow::pipeline
