#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/stack.h"
#include "model/tile/inference.h"
#include "nodes/intensity/normalizer.h"
#include "nodes/tiles/classifier.h"
#include "nodes/tiles/snapshot.h"
#include "pipeline/flow/run_context.h"
#include "pipeline/flow/thread_team.h"
#include "pipeline/pictures/preview.h"

namespace fibflow::pipeline {

/// What one network makes of a slice.
struct PredictionFigures {
  double foreground = 0;  ///< share of pixels that are not background
  double entropy = 0;     ///< mean over the pixels of the entropy of the prediction, in bits
  /// Intersection over union with the truth that the probabilities let expect (nodes::ExpectedOverlap); nothing where they are
  /// all 0.
  std::optional<double> expected_iou;
};

/// A slice as the source network and as the adapted one make it.
struct SliceComparison {
  std::int64_t z = 0;
  PredictionFigures source;
  PredictionFigures adapted;
  std::optional<double> agreement;  ///< intersection over union of the two masks; nothing if both are empty
  double equal = 1;                 ///< share of pixels that got the same label
};

/// Slices that were segmented with the source's statistics and with adapted ones.
struct Comparison {
  std::vector<SliceComparison> slices;
};

/// The pixels of a slice that are compared, and how they are computed.
struct ComparisonPlan {
  std::vector<model::Region>
      areas;  ///< of the slice, disjoint: all of it, or a sample (see sample_of_large())
  std::vector<model::Region> tiles;  ///< parts of the areas, area after area
  std::vector<int> area_of_tile;
  int workers = 1;
};

/// Plans for a budget of the whole process (bytes). Which pixels are compared depends on their number only: all of a
/// slice up to a megapixel, of larger ones about a megapixel in windows that are spread evenly. Memory decides how
/// they are cut, which changes results by rounding. weight_copies: in memory at once, this comparison's included.
/// Nothing if not even the smallest tiles fit.
std::optional<ComparisonPlan> plan_comparison(const model::Inference& inference, std::size_t memory,
                                              int threads, std::size_t voxel_bytes, int weight_copies);

/// Bytes that a comparison needs for so many slices: both masks, and probabilities if previews are made. To be kept free
/// of the budget that plan_comparison() gets.
std::size_t kept_by_comparison(const model::Inference& inference, int slices, bool previews);

/// Segments some slices with two sets of statistics.
class Comparator {
 public:
  /// inference and normalizer outlive it. Previews are made if wanted.
  Comparator(const model::Inference& inference, const nodes::Normalizer& normalizer, ComparisonPlan plan,
             double threshold, bool previews);

  /// Reads the slices, twice. Does not depend on the number of threads. Throws as a run does.
  void compare(io::Stack& stack, const std::vector<std::int64_t>& slices, const model::Statistics& source,
               const model::Statistics& adapted, ThreadTeam& team, RunContext& run);

  const Comparison& comparison() const { return comparison_; }
  const std::vector<Preview>& previews() const { return previews_; }

 private:
  struct SlicePrediction;
  nodes::Snapshot snapshot(const model::Statistics& statistics) const;
  std::vector<SlicePrediction> predict(io::Stack& stack, const std::vector<std::int64_t>& slices,
                                       const nodes::Snapshot& snapshot, bool probabilities, ThreadTeam& team,
                                       RunContext& run) const;
  void add_preview(io::Stack& stack, std::int64_t z, const SlicePrediction& source,
                   const SlicePrediction& adapted, RunContext& run);

  const model::Inference& inference_;
  const nodes::Normalizer& normalizer_;
  ComparisonPlan plan_;
  double threshold_;
  bool wants_previews_;
  Comparison comparison_;
  std::vector<Preview> previews_;
};

/// "3 slices, foreground 9.1 % as it is and 10.4 % adapted, agreement 0.82, expected IoU 0.71 and 0.78".
std::string one_line(const Comparison& comparison);

}  // namespace fibflow::pipeline
