#pragma once

#include "nodes/intensity/gray_map.h"
#include "nodes/intensity/normalizer.h"
#include "nodes/scale/resampler.h"

namespace fibflow::nodes {

/// Brings a slice to the gray levels that a network knows, and to the grid that it sees.
/// In:     OrderedSlice, on the stack's grid.
/// Out:    the same on the network's.
/// Throws: BadSlice if it is of another size than the stack, or a pixel is not a number, which would spread to its neighbours.
/// Immutable; may be called in parallel.
class Scaler {
 public:
  using Input = OrderedSlice;
  using Output = OrderedSlice;

  explicit Scaler(Resampler to_network, GrayMap gray_levels = {})
      : to_network_(std::move(to_network)), gray_levels_(std::move(gray_levels)) {}

  Output operator()(const Input& input) const { return {input.order, (*this)(input.slice)}; }
  io::Slice operator()(const io::Slice& slice) const;

  /// Throws BadSlice unless the slice is as large as the stack's.
  void require_size(const io::Slice& slice) const;

  const Resampler& to_network() const { return to_network_; }
  const GrayMap& gray_levels() const { return gray_levels_; }
  bool changes_nothing() const { return to_network_.changes_nothing() && gray_levels_.changes_nothing(); }

 private:
  Resampler to_network_;
  GrayMap gray_levels_;
};

}  // namespace fibflow::nodes
