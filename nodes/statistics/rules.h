#pragma once

namespace fibflow::nodes {

/// When the acquisition counts as changed. A slice departs if in some layer its own moments are farther from the estimate, per
/// channel (model::Drift), than `drift` and than `factor` times what is usual in that layer. The usual values come from
/// docs/evidence.md ("Following a change").
struct MonitorRule {
  double drift = 0.05;
  double factor = 20;
  int slices = 2;  ///< so many in a row that depart begin the estimate anew; 0: nothing does
};

}  // namespace fibflow::nodes
