#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "model/statistics/statistics.h"
#include "model/tile/inference.h"

namespace fibflow::nodes {

/// What the statistics do when a slice is segmented.
enum class SliceState {
  adapting,   ///< the slice is measured, and updates them
  monitored,  ///< they are frozen, and the slice is measured only to see whether they still hold
  frozen,     ///< they are frozen, and folded into the weights
};

/// "adapting", "monitored", "frozen"; the inverse throws std::invalid_argument.
const char* name_of(SliceState state);
SliceState slice_state_named(const std::string& name);

/// What a slice is segmented with. Immutable, and shared by every tile of the slice.
struct Snapshot {
  model::PlanKind kind = model::PlanKind::measured;
  std::shared_ptr<const model::Weights> weights;  ///< with the statistics folded in if the kind is frozen
  std::shared_ptr<const model::Statistics> statistics;  ///< what normalizes; also given when it is folded in
  std::shared_ptr<const model::Statistics> running = nullptr;  ///< behind them: without the source's share
  SliceState state = SliceState::adapting;
};

/// The snapshot for the slice with this order, and no other.
struct OrderedSnapshot {
  std::int64_t order = 0;
  Snapshot snapshot;
};

}  // namespace fibflow::nodes
