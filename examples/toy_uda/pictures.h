#pragma once

#include <string>

#include "experiment.h"

namespace fibflow::toy {

/// The source, the target as the trained network sees it, and the target after adaptation: points by their true label,
/// what the network takes for the inside as a ground colour, the true boundary as a line.
void draw_boundaries(const Experiment& experiment, const std::string& png);

/// Accuracy relative to that on the source over the distance of the target, before adaptation (with the fit) and after.
void draw_scatter(const Experiment& experiment, const std::string& png);

}  // namespace fibflow::toy
