#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/stack.h"
#include "pipeline/adapt/doubt.h"
#include "pipeline/adapt/match_search.h"
#include "pipeline/adapt/plan.h"
#include "pipeline/options/resolved_options.h"
#include "pipeline/pictures/preview.h"
#include "pipeline/report/slice_record.h"
#include "pipeline/report/slice_sums.h"

namespace fibflow::pipeline {

/// The run had ended early, and went on.
struct Resumption {
  std::int64_t z = 0;  ///< of the first slice that was still to be written
  std::string at;      ///< UTC, ISO 8601
};

/// What adaptation did.
struct AdaptationSummary {
  std::vector<std::int64_t> probe_slices;
  std::int64_t batches = 0;      ///< the estimator's updates
  std::int64_t snapshots = 0;    ///< sets of statistics that slices were segmented with
  int measured_every = 0;        ///< of so many slices one was measured on the way; 0: none
  double drift_from_source = 0;  ///< per channel: the source's statistics against those in use at the end
  std::vector<double> layer_drift_from_source;  ///< summed over each layer's channels
  std::vector<std::string> layer_names;         ///< of those layers, as the model names them
  std::vector<int> layer_channels;
};

/// What a run was and did. As JSON (version 2):
///
///     format          "fibflow run report"
///     format_version  2; fields may be added without changing it (1 had steadiness instead of expected_iou)
///     fibflow         version of the program
///     instruction_set that convolutions were computed with: "generic", "avx2", "avx512"
///     command         "segment" or "adapt"
///     started         UTC, ISO 8601
///     input           the stack: path, format, depth, height, width, cropped, type, voxel_nm, slices used
///     model           file, producer, opset, channels, BatchNorm layers, parameters
///     options         every option with its value, defaults filled in
///     intensity       of the slices that were sampled: black and white, the voxels that are taken for intensity 0 and 1;
///                     "from", how these were found (nodes::IntensityMatch); mean and deviation; slices
///     plan            tiles, workers, slices in flight, expected memory in bytes, work relative to no tiles
///     adaptation      probe slices, batches, snapshots, measured_every, drift from the source per channel and per layer (with the layers' names
///                     and channels); null without
///     comparison      for each compared slice, what the network as it is and the adapted one make of it:
///                     "slices": [{z, "source" and "adapted": {foreground, entropy, expected_iou}, agreement,
///                     equal}], see Comparison; null if nothing was compared
///     doubt           doubtful, signs (sign, value, limit, text), on_doubt, action; see Doubt; null likewise
///     previews        pictures of the compared slices, if they were asked for: z, height, width, and image,
///                     source_mask, mask, probability, disagreement as "data:image/png;base64,..."; see Preview
///     slices          one record for each slice, on a line of its own:
///                     z
///                     seconds            from read to written
///                     work_seconds       of computing its tiles, on one thread
///                     foreground         share of the pixels
///                     entropy            mean of the prediction's, in bits: of foreground or not for one output
///                                        channel (0 certain, 1 undecided), over the classes otherwise
///                     expected_iou       intersection over union with the truth that the network's probabilities let
///                                        expect (nodes::ExpectedOverlap); null where they are all 0
///                     measured           whether a sample of it was measured for the statistics of later slices
///                     measure_seconds    of measuring it, on one thread
///                     drift              of the statistics to segment with, by what was measured of this slice, per
///                                        channel; null unless they were renewed
///                     drift_from_source  of the source from the statistics in use, per channel
///                     slice_drift        of the slice's own moments from the running statistics that it was
///                                        segmented with, these normalizing, per channel; null unless measured
///                     featureless        share of the pixels that did not count in its moments
///     states          "segmented" and "measured": how many slices, and their mean seconds of work (null if none)
///     events          what happened to the statistics, in order: z, event ("begun anew", "looked again", "in doubt"), text
///     outputs         path by kind
///     seconds         wall time: prepare, adapt (before the segmentation), segment, total
///     voxels_per_second  of the whole run
///     resumed         where (slice) and when the run went on after it had ended early; seconds and slices
///                     cover all parts
///     peak_memory     of the process until the run ended, in bytes; 0 if unknown
///     warnings        texts
struct RunReport {
  struct Seconds {
    double prepare = 0;
    double adapt = 0;
    double segment = 0;
    double total = 0;
  };
  struct Intensity {
    double mean = 0;
    double deviation = 0;
    std::vector<std::int64_t> slices;
    nodes::IntensityRange range;
    std::string range_from;
  };
  struct Model {
    std::string file;
    std::string producer;
    int opset = 0;
    int input_channels = 0;
    int output_channels = 0;
    int batch_norms = 0;
    std::size_t parameters = 0;
  };
  struct Tiles {
    int rows = 0;
    int columns = 0;
    int height = 0;  ///< of the largest core
    int width = 0;
    int workers = 0;
    int slices_in_flight = 0;
    std::size_t expected_memory = 0;
    double work = 1;
  };

  std::string command;
  std::string started;
  io::StackInfo input;
  Model model;
  ResolvedOptions options;
  std::optional<Intensity> intensity;
  std::optional<Tiles> plan;
  std::optional<Match> match;
  std::optional<AdaptationSummary> adaptation;
  std::optional<Comparison> comparison;
  std::optional<Doubt> doubt;
  std::vector<EncodedPreview> previews;
  SliceSums sums;              ///< over the slices
  EachSliceRecord each_slice;  ///< gives their records; empty: there are none
  std::vector<RunEvent> events;
  std::vector<Resumption> resumed;
  std::vector<std::pair<std::string, std::string>> outputs;  ///< kind, path
  Seconds seconds;
  std::size_t peak_memory = 0;
  std::vector<std::string> warnings;
};

using TakeText = std::function<void(std::string_view text)>;

/// Gives the report as indented JSON, a line for each slice, piece by piece: its memory does not grow with the slices. more:
/// members that are added at the end. Throws what `take` and the records throw.
void write_json(const RunReport& report, const nlohmann::ordered_json& more, const TakeText& take);

/// The same as one text.
std::string json_text(const RunReport& report);

/// Writes it; it appears under its name when it is complete. Throws io::Error.
void write_report(const RunReport& report, const std::string& path, bool overwrite);

}  // namespace fibflow::pipeline
