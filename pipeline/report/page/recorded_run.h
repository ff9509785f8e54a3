#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/adapt/comparison.h"
#include "pipeline/report/page/slice_points.h"
#include "pipeline/report/run_report.h"

namespace fibflow::pipeline {

/// A run report (pipeline/report/run_report.h) as it was read from its file: what the page shows. It is not a RunReport,
/// because a file may come from an older version or from somebody else: what is not recorded is empty, and what is has been
/// checked.
struct RecordedRun {
  struct StateSummary {
    std::string state;
    std::int64_t slices = 0;
    std::optional<double> work_seconds;  ///< mean of a slice
  };

  struct Adaptation {
    std::vector<std::int64_t> probe_slices;
    std::int64_t batches = 0;
    std::optional<double> drift_from_source;         ///< per channel, at the end
    std::vector<std::optional<double>> layer_drift;  ///< summed over each layer's channels; nothing: infinite
    std::vector<std::string> layer_names;            ///< as many, or none
    std::vector<std::int64_t> layer_channels;        ///< as many, or none
  };

  struct Doubt {
    bool doubtful = false;
    std::vector<std::string> signs;  ///< sentences
    std::string action;
  };

  /// How the stack was matched to the model.
  struct Match {
    std::array<double, 2> scale{1, 1};  ///< y, x
    std::string from;
    double share_while_measuring = 0;
    double share_in_use = 0;
    struct Candidate {
      std::array<double, 2> scale{1, 1};
      double share_while_measuring = 0;
      double share_in_use = 0;
      double expected_iou = 0;
      double foreground = 0;
      double object_diameter = 0;  ///< pixels
    };
    std::vector<Candidate> candidates;
  };

  struct Preview {
    std::int64_t z = 0;
    /// Name and "data:image/png;base64,…", checked to be nothing else.
    std::vector<std::pair<std::string, std::string>> pictures;
  };

  using Facts = std::vector<std::pair<std::string, std::string>>;  ///< name, value

  std::string fibflow;
  std::string command;
  std::string started;
  std::string stack;   ///< path
  std::string recipe;  ///< "stream", "two-pass", "none"; empty if not recorded
  std::string model;   ///< file
  Facts input;
  Facts network;
  Facts options;
  Facts outputs;
  std::optional<Adaptation> adaptation;
  SlicePoints slices;
  std::vector<RunEvent> events;
  std::vector<StateSummary> states;
  std::vector<SliceComparison> comparison;
  std::optional<Match> match;
  std::optional<Doubt> doubt;
  std::vector<Preview> previews;
  std::vector<std::string> warnings;

  double prepare_seconds = 0;
  double adapt_seconds = 0;
  double segment_seconds = 0;
  double total_seconds = 0;
  std::optional<double> voxels_per_second;
  double peak_memory = 0;                 ///< bytes; 0 if unknown
  std::optional<double> expected_memory;  ///< bytes
  std::optional<double> memory_budget;    ///< bytes
};

/// Reads a report, in memory that does not grow with its slices. Throws io::Error: missing or read_write if the file cannot be read; bad_data, with the field, if it
/// is not JSON, no run report, one of a newer format, or has fields of another type or out of their range.
RecordedRun read_recorded_run(const std::string& path);

/// The same from text; path stands for the file in messages.
RecordedRun parse_recorded_run(const std::string& text, const std::string& path);

}  // namespace fibflow::pipeline
