#pragma once

#include "nodes/intensity/normalizer.h"
#include "nodes/scale/resampler.h"

namespace fibflow::nodes {

/// Brings a slice to the grid that the network sees.
/// In:     OrderedSlice, on the stack's grid.
/// Out:    the same on the network's.
/// Throws: BadSlice if it is of another size than the stack, or a pixel is not a number, which would spread to its neighbours.
/// Immutable; may be called in parallel.
class Scaler {
 public:
  using Input = OrderedSlice;
  using Output = OrderedSlice;

  explicit Scaler(Resampler to_network) : to_network_(std::move(to_network)) {}

  Output operator()(const Input& input) const { return {input.order, (*this)(input.slice)}; }
  io::Slice operator()(const io::Slice& slice) const;

  /// Throws BadSlice unless the slice is as large as the stack's.
  void require_size(const io::Slice& slice) const;

  const Resampler& to_network() const { return to_network_; }

 private:
  Resampler to_network_;
};

}  // namespace fibflow::nodes
