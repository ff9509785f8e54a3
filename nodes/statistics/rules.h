#pragma once

namespace fibflow::nodes {

/// When the statistics count as settled: once the drift between the snapshots of successive slices, per
/// channel (see model::Drift), has stayed at or below `drift` for `slices` slices in a row, and for more
/// than `lag` of them.
struct SettleRule {
  double drift = 1e-4;
  int slices = 5;
};

/// When frozen statistics count as outdated.
struct MonitorRule {
  int every = 8;  ///< each so many slices one is measured while the statistics are frozen; 0: none is
  /// A slice departs if its own moments are farther from the running statistics, per channel (see
  /// model::Drift), than is usual: by more than this, by more than the usual itself, and by more than `factor`
  /// times its spread.
  double drift = 0.2;
  double factor = 4;
  int slices = 2;  ///< so many measured slices in a row that depart reopen the adaptation
};

}  // namespace fibflow::nodes
