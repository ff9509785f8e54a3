#pragma once

#include <string>

#include "pipeline/report/page/recorded_run.h"

namespace fibflow::pipeline {

// The parts of the page, in its order, each as HTML.

/// What can be said about the adaptation, in plain words, and the warnings.
std::string verdict_section(const RecordedRun& run);

/// The most important numbers.
std::string figures_section(const RecordedRun& run);

/// Pictures of some slices, and what source and adapted network make of them.
std::string comparison_section(const RecordedRun& run);

/// At which scale the network saw the stack, and what it was chosen by; nothing if the report does not say.
std::string match_section(const RecordedRun& run);

/// How far the statistics moved: for each layer, and over z.
std::string drift_section(const RecordedRun& run);

/// Foreground and entropy over z.
std::string prediction_section(const RecordedRun& run);

/// Time and memory.
std::string cost_section(const RecordedRun& run);

/// Stack, model, options and versions.
std::string options_section(const RecordedRun& run);

}  // namespace fibflow::pipeline
