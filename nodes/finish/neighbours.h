#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <tuple>
#include <vector>

#include "nodes/statistics/statistics_updater.h"
#include "nodes/tiles/stitcher.h"

namespace fibflow::nodes {

/// A slice among those before and after it, as far as there are some.
struct Neighbourhood {
  std::vector<std::shared_ptr<const SegmentedSlice>> slices;  ///< in order
  std::size_t middle = 0;                                     ///< place of the slice that it is about
  Update update;                                              ///< what its sample led to

  const SegmentedSlice& slice() const { return *slices[middle]; }
  std::int64_t order() const { return slice().order; }
  std::int64_t z() const { return slice().z(); }
};

/// Gives each slice with its neighbours: once the last of them is there, or at the end.
/// In:     a stitched slice and what its sample led to, in order.
/// Out:    neighbourhoods, in order.
/// Keeps:  twice as many slices as the reach, at most.
class Neighbours {
 public:
  using Input = std::tuple<SegmentedSlice, Update>;
  using Output = std::vector<Neighbourhood>;
  /// Slices before the one that is to come out next, up to the reach: what those to come need of the past.
  using Before = std::vector<std::shared_ptr<const SegmentedSlice>>;

  /// reach: slices on each side; 0: each slice comes out alone, at once. Throws std::invalid_argument if it is negative.
  explicit Neighbours(int reach);

  Output operator()(Input next);

  /// There will be no more: those that still wait.
  Output finish();

  /// How many are still to come out.
  std::int64_t waiting() const { return static_cast<std::int64_t>(waiting_.size()); }

  /// Forgets all but what was before.
  void restore(Before before);

  /// What the slices after this one need.
  Before before_next(const Neighbourhood& done) const;

 private:
  Neighbourhood around(std::size_t middle) const;
  Neighbourhood take_waiting();
  void forget_passed();

  std::size_t reach_;
  std::deque<std::shared_ptr<const SegmentedSlice>> slices_;
  std::deque<Update> waiting_;  // of the last slices, which are still to come out
};

}  // namespace fibflow::nodes
