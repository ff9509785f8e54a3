#pragma once

#include <cstdint>
#include <memory>

#include "model/statistics/statistics.h"
#include "model/tile/inference.h"

namespace fibflow::nodes {

/// What a slice is segmented with. Immutable, and shared by every tile of the slice.
struct Snapshot {
  model::PlanKind kind = model::PlanKind::frozen;
  std::shared_ptr<const model::Weights> weights;  ///< with the statistics folded in if the kind is frozen
  std::shared_ptr<const model::Statistics> statistics;  ///< what normalizes; also given when it is folded in
  std::shared_ptr<const model::Statistics> running = nullptr;  ///< behind them: without the source's share
};

/// The snapshot for the slice with this order, and no other.
struct OrderedSnapshot {
  std::int64_t order = 0;
  Snapshot snapshot;
};

}  // namespace fibflow::nodes
