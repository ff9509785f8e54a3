#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/stack.h"
#include "model/statistics/estimator.h"
#include "model/tile/inference.h"
#include "model/tile/network.h"
#include "nodes/finish/finisher.h"
#include "nodes/intensity/normalizer.h"
#include "nodes/scale/scaler.h"
#include "nodes/tiles/classifier.h"
#include "pipeline/adapt/comparison.h"
#include "pipeline/adapt/doubt.h"
#include "pipeline/adapt/match.h"
#include "pipeline/adapt/plan.h"
#include "pipeline/adapt/segment_session.h"
#include "pipeline/flow/run_context.h"
#include "pipeline/flow/thread_team.h"
#include "pipeline/options/options.h"
#include "pipeline/options/resolved_options.h"
#include "pipeline/pictures/preview.h"

namespace fibflow::pipeline {

/// Slices of a stack that are looked at before the first one is segmented, by their z.
struct StartSlices {
  std::vector<std::int64_t> intensity;   ///< whose intensities are measured
  std::vector<std::int64_t> probe;       ///< whose statistics are measured
  std::vector<std::int64_t> comparison;  ///< that are segmented with the model as it is, and adapted

  /// Of a range that has its end: spread over it, or the first ones, as the options say; fewer where it is short.
  static StartSlices of(SliceRange range, const ResolvedOptions& options);

  /// How many of the first slices are looked at, where the first ones are: a live acquisition waits for them.
  static int wanted(const ResolvedOptions& options);
};

/// Everything that comes before the first slice is segmented, the same for a stack in a file and for a live acquisition:
/// intensities are measured on some slices, the stack is matched to the model, the run is planned, statistics are probed (or
/// adapted in a first pass), some slices are compared as the model is and adapted, and it is decided what follows from doubt.
///
/// What is found can be kept and restored, so that a run that goes on makes the same bytes. The members that do something
/// are called in their order, each at most once. One thread at a time.
class AdaptationStart {
 public:
  /// What was found: all that the slices to come depend on, and what a report tells.
  struct Findings {
    nodes::IntensityMoments intensity;           ///< of the measured slices' voxels, as the network sees them
    std::vector<std::int64_t> intensity_slices;  ///< z
    nodes::IntensityMatch intensities;           ///< how voxels are read
    std::vector<double> gray_levels;  ///< quantiles of the voxels, where they are matched to the training's
    Match match;                      ///< at what scale, and with how much of the source
    std::vector<std::int64_t> probe_slices;  ///< z
    bool probe_is_blank = false;             ///< nothing but featureless area: the source's statistics stand
    model::Estimator::State adapted;         ///< after the probe or the first pass
    std::optional<Comparison> comparison;    ///< this and what follows is found by compare()
    std::optional<Doubt> doubt;
    std::vector<EncodedPreview> previews;
    bool comparison_left_out = false;  ///< there was no memory for it

    /// Adaptation was in doubt, and the source's statistics are used instead.
    bool uses_source() const { return doubt && doubt->action == DoubtAction::source_used; }
  };

  /// slices: what they are like; its path stands in messages. Everything given by reference outlives it. Throws
  /// model::ModelError if the network cannot take such slices.
  AdaptationStart(const model::Network& network, const ResolvedOptions& options, io::StackInfo slices,
                  ThreadTeam& team, RunContext& context);

  /// Measures intensities, and finds how voxels are to be read. Throws io::Error (bad_data) if they are all the same and the
  /// normalization is `stack`, which leaves nothing to divide by, and as a run does.
  void measure_intensity(io::Stack& stack, const std::vector<std::int64_t>& slices);

  /// Chooses the scale, and where the source's share enters, by what the network makes of some slices. Throws as a run does.
  void match(io::Stack& stack, const std::vector<std::int64_t>& slices);

  /// Plans the segmentation into such outputs. tiles: of an earlier part of the run. Throws BudgetTooSmall.
  void plan(const nodes::PredictionFormat& format, std::optional<TileSize> tiles = std::nullopt);

  /// The first pass over the whole range, or the probe; after plan(), if there is a probe. Throws as a run does.
  void adapt(io::Stack& stack, const std::vector<std::int64_t>& slices);

  /// Instead of them all but plan(), and perhaps of compare(): what an earlier part of the run had found. Throws
  /// std::invalid_argument if it is of another network, and as measure_intensity().
  void restore(Findings findings);

  /// Segments some slices as the model is, and adapted, and decides what follows; the same again in a run that goes on, which
  /// makes the pictures anew. Throws as a run does.
  void compare(io::Stack& stack, const std::vector<std::int64_t>& slices);

  /// Looks at some slices as compare() does, where the estimate stands elsewhere by now, and says what speaks against it; nothing
  /// else changes. Nothing if comparisons are not wanted, or there is no memory for one. Throws as a run does.
  struct Verdict {
    Comparison comparison;
    std::vector<Sign> signs;
  };
  std::optional<Verdict> compare_again(io::Stack& stack, const std::vector<std::int64_t>& slices,
                                       const model::Estimator& estimator) const;

  /// What becomes of the statistics on the way: "none" (they are the source's), "frozen", "adapting".
  const char* adaptation() const;

  /// Why the run is to stop here, if it is (--on-doubt stop).
  std::optional<std::string> stopped() const;

  const Findings& findings() const { return findings_; }
  /// What of it a user has to know, as sentences.
  std::vector<std::string> warnings() const;
  const model::Inference& inference() const { return inference_; }
  nodes::Finishing finishing() const;
  const std::optional<Plan>& plan() const { return plan_; }
  TileSize tiles() const { return {plan_->grid.core_height(), plan_->grid.core_width()}; }
  const nodes::Normalizer& normalizer() const { return *normalizer_; }

  /// Where the statistics stand when the segmentation begins.
  const model::Estimator& estimator() const { return estimator_; }

  /// What a network normalizes with when the estimate stands there: with the source's share.
  model::Statistics used(const model::Estimator& estimator) const;
  model::Statistics used(const model::Estimator::State& state) const;

  /// The session that segments, from here or from a state that it is given; its first slice is the first of the range. The
  /// start outlives it.
  SegmentSession session(const nodes::PredictionFormat& format) const;

 private:
  void set_match(Match match);
  nodes::IntensitySample sample_of(io::Stack& stack, const std::vector<std::int64_t>& slices);
  void make_normalizer();
  void make_gray_map();
  nodes::Scaler scaler() const;
  void probe(io::Stack& stack, const std::vector<std::int64_t>& slices);
  void two_pass(io::Stack& stack);
  void log_plan() const;
  std::optional<Comparator> compared(io::Stack& stack, const std::vector<std::int64_t>& slices,
                                     const model::Estimator& estimator, bool previews) const;
  void decide();

  const model::Network& network_;
  const ResolvedOptions& options_;
  const io::StackInfo slices_;  // as they are read
  ThreadTeam& team_;
  RunContext& context_;
  model::Inference inference_;
  model::Estimator estimator_;
  std::optional<Plan> plan_;
  std::optional<nodes::Normalizer> normalizer_;
  nodes::GrayMap gray_map_;
  Findings findings_;
  std::vector<std::vector<double>>
      usual_distances_;  // of the probe's slices from the others, by layer; not after restore()
};

}  // namespace fibflow::pipeline
