#pragma once

#include <vector>

#include "classifier.h"
#include "domain.h"

namespace fibflow::toy {

/// One target: how far away it is, and what the network makes of it.
struct Shift {
  double distance =
      0;  ///< W̃₂², per channel of the network: the source's statistics estimated, the target's true
  double plane = 0;   ///< W̃₂² with full covariances: the source domain itself estimated, the target true
  double before = 0;  ///< accuracy with the source's statistics, relative to the accuracy on the source
  double after = 0;   ///< with the adapted ones
};

/// value = offset + slope · log10(distance), by least squares.
struct LogLinearFit {
  double offset = 0;
  double slope = 0;
  double r_squared = 0;
};

struct Experiment {
  Domain source{{0, 0}, {1, 0, 0, 1}};
  Domain target{{1.2, -0.8}, {1.4, 0.5, -0.3, 0.7}};  ///< the one that is looked at closely
  Classifier classifier;
  model::Statistics adapted;  ///< to the target
  double on_source = 0;       ///< accuracies
  double on_target = 0;
  double on_target_adapted = 0;
  std::vector<Shift> shifts;  ///< to Gaussians farther and farther away

  LogLinearFit before_by_distance() const;
  LogLinearFit before_by_plane() const;
  double mean_after() const;
};

/// Trains, adapts and measures. The same seed gives the same numbers on one machine.
Experiment run_experiment(std::uint64_t seed, int gaussians);

}  // namespace fibflow::toy
