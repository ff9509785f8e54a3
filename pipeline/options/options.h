#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/slice.h"
#include "io/stack_writer.h"
#include "model/statistics/estimator_rule.h"
#include "nodes/intensity/normalization.h"
#include "nodes/statistics/rules.h"
#include "nodes/tiles/layer.h"

namespace fibflow::pipeline {

/// Slices [first, end) of a stack; without an end, up to its last one.
struct SliceRange {
  std::int64_t first = 0;
  std::optional<std::int64_t> end;

  /// The range with its end filled in. Throws std::invalid_argument if it is empty or reaches beyond the
  /// depth.
  SliceRange within(std::int64_t depth) const;

  /// The number of slices of a range that has its end.
  std::int64_t size() const { return end.value() - first; }
};

enum class Recipe {
  stream,    ///< one pass: a probe, then every slice is segmented while it updates the statistics
  two_pass,  ///< adapt over patches of the whole stack, then segment with the final statistics
  none,      ///< the source statistics, folded into the weights
};

/// What normalizes patches while two-pass measures them.
enum class NormalizeBy {
  running,  ///< the running statistics as they stand: moments of wrongly normalized features; for comparison only
  batch,  ///< the batch's own statistics, layer by layer
};

enum class Freeze {
  never,  ///< stream: what is measured on the way updates the statistics
  probe,  ///< stream: nothing is measured after the probe; one model for the whole stack
};

/// Which slices the probe measures.
enum class ProbeOrder {
  spread,  ///< over the whole range
  first,   ///< the first ones, as a live acquisition has to
};

/// What to do if adaptation does not seem to help.
enum class OnDoubt {
  keep,    ///< say so and go on
  source,  ///< segment with the source's statistics, frozen
  stop,    ///< end with Doubtful before anything is segmented
};

const char* name_of(Recipe recipe);
const char* name_of(NormalizeBy by);
const char* name_of(Freeze freeze);
const char* name_of(ProbeOrder order);
const char* name_of(OnDoubt on_doubt);
const char* name_of(nodes::Featureless featureless);  ///< "count", "leave-out"

/// How the network is adapted.
struct AdaptationOptions {
  Recipe recipe = Recipe::stream;
  model::EstimatorOptions estimator;
  /// Of the source in the statistics that are used, in [0, 1]. Default: 0.25; the recipe stream then looks where it is to enter,
  /// and whether the source is any guide (pipeline/adapt/match_search.h).
  std::optional<double> source_share;
  NormalizeBy normalize_by = NormalizeBy::batch;                  ///< for two-pass
  nodes::Featureless featureless = nodes::Featureless::left_out;  ///< resin and borders in the statistics
  Freeze freeze = Freeze::never;
  /// stream: a sample of the last one of so many slices is measured. 1: of each. Default: as few slices as it takes so that
  /// measuring costs at most 5 % of segmenting, which depends on their size and the model only.
  std::optional<int> measure_every;
  /// stream: what is used is renewed once it would move by more than this in some layer, per channel (model::Drift).
  double renewal = 1e-3;
  nodes::MonitorRule monitor;                   ///< stream: when the estimate begins anew
  std::optional<int> probe;                     ///< slices; default: 3 for stream, 16 for adapt(), else 0
  ProbeOrder probe_order = ProbeOrder::spread;  ///< also of the slices whose intensities are measured
  int lag = 1;  ///< stream: the statistics after slice n are slice n + lag's; 1 to 1000
  /// Slices that are segmented with the source's and with the adapted statistics before the run segments, to see
  /// whether adaptation helps; 0: none. Default: 3, or 0 where nothing is adapted beforehand.
  std::optional<int> comparison;
  OnDoubt on_doubt = OnDoubt::keep;
  bool previews = false;  ///< makes pictures of the compared slices for the report
};

/// What a network with several input channels gets.
enum class InputChannels {
  copies,  ///< the slice in each of them, as a network does that was made for photographs
  slices,  ///< the slice in the middle, and its neighbours in z (2.5-D): an odd number of channels
};

const char* name_of(InputChannels channels);

/// What becomes of a stack's gray levels before the network's own normalization.
enum class GrayMatch {
  none,       ///< they stay
  histogram,  ///< one rising map gives the stack the histogram of the model's training ("fibflow.histogram")
};

const char* name_of(GrayMatch match);

/// What of the stack is used, and how its intensities are read.
struct InputOptions {
  SliceRange slices;
  /// Default: the model's metadata "fibflow.normalization", else unit.
  std::optional<nodes::Normalization> normalization = {};
  /// The voxels that are black and white; default: found from the first slices that are looked at (nodes::IntensityMatch).
  std::optional<nodes::IntensityRange> intensity_range = {};
  bool invert = false;  ///< dark is bright in this stack, compared with what the model was trained on
  /// Default: the model's metadata "fibflow.match", which an adapted model has, else none.
  std::optional<GrayMatch> match = {};
  /// What a network with several input channels gets. Default: the model's metadata "fibflow.input", else copies for three.
  std::optional<InputChannels> channels = {};
  /// Edges that are no image: they count in nothing, and are 0 in what is written, which keeps its size. Default: what the stack
  /// knows of (a microscope's data bar).
  std::optional<io::Margins> crop = {};
  /// Of the voxels; replaces what the stack says where it is not 0. SEM slices never say z.
  io::VoxelSize voxel_nm = {};
  /// How many times as many pixels the network sees in each direction of a slice, in (0, 8]; what it gives is brought back to the
  /// stack's. Default: what the model's metadata "fibflow.scale" says, else the ratio of the stack's voxel size to that of the
  /// training, else 1; the recipe stream looks at the probe's slices whether another one is better.
  std::optional<double> scale = {};
};

/// The width σ of the Gauss curve that weighs the probabilities of neighbouring slices; 0: each slice stands alone.
struct ZSmoothing {
  double width = 1;
  bool in_nanometres = false;  ///< else in slices
};

/// A layer and the stack that it goes to.
struct LayerOutput {
  nodes::Layer layer = nodes::Layer::mask;
  io::PixelType type = io::PixelType::u8;
  std::string path;
};

/// What a segmentation writes. An empty path is not written.
struct OutputOptions {
  std::string mask;
  std::string probability;
  io::PixelType probability_type = io::PixelType::u8;
  io::Compression compression = io::Compression::deflate;
  /// Probability above which a pixel is foreground, for networks with one output channel. Default: the
  /// model's metadata "fibflow.threshold", else 0.5.
  std::optional<double> threshold;
  /// Probabilities are averaged over neighbouring slices before masks are made of them.
  ZSmoothing smoothing = {};
  int copies =
      1;  ///< 2, 4: the network sees mirror images of each slice, too, and the mean of its outputs counts
  bool overwrite = false;
  /// A run that ends early, however it ends, leaves what it has done and a checkpoint beside the masks; run
  /// again with the same options, it goes on from there to the same bytes.
  bool resume = false;
  double checkpoint_seconds = 10;  ///< time between checkpoints; 0: after each slice

  /// What is written, the masks first. All that follows the options goes by this list.
  std::vector<LayerOutput> layers() const;
};

/// What has to be made for it: a mask is made in any case.
nodes::PredictionFormat prediction_format(double threshold, const std::vector<LayerOutput>& layers);

/// What a run may use. None of it changes a result by more than rounding, and threads not even that.
struct ResourceOptions {
  int threads = 0;  ///< 0: as many as the machine has
  std::size_t memory =
      0;         ///< bytes; 0: the smaller of 4 GiB and half of the machine's (or container's) memory
  int tile = 0;  ///< largest height and width of a tile's core, in pixels; 0: planned
};

}  // namespace fibflow::pipeline
