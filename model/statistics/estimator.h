#pragma once

#include <cstdint>
#include <span>

#include "model/statistics/estimator_rule.h"
#include "model/statistics/estimator_state.h"
#include "model/statistics/statistics.h"

namespace fibflow::model {

/// Running statistics: what adapts. update() is serial; the const members may run in parallel with each
/// other.
class Estimator {
 public:
  /// Starts at the source statistics. Throws std::invalid_argument for an unknown rule, a parameter that the rule does not
  /// have and a value out of its range.
  Estimator(EstimatorOptions options, Statistics source);

  /// Starts again from the moments of a probe's images: they replace the source statistics as the starting point of moving
  /// averages and are the first pixels of a pool. Says whether it did: incomplete moments are left out, and without others
  /// nothing changes. Throws as update().
  bool start_from(std::span<const Moments> probe);

  /// Takes one batch of this many images, and says whether it did: incomplete moments (nothing counted in some layer)
  /// are no batch and change nothing. Throws std::invalid_argument if its layers are not the source's, ModelError if they are
  /// not finite.
  bool update(const Moments& batch, double images);

  /// The estimate as it stands, without any source share.
  Statistics estimate() const;

  const Statistics& source() const { return source_; }
  const EstimatorOptions& options() const { return options_; }
  std::int64_t batches() const { return state_.batches; }

  using State = EstimatorState;
  const State& state() const { return state_; }
  void restore(State state);

 private:
  EstimatorOptions options_;
  const EstimatorRule* rule_;
  Statistics source_;
  State state_;
};

}  // namespace fibflow::model
