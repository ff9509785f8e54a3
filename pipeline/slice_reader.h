#pragma once

#include <cstdint>
#include <optional>

#include "io/stack.h"
#include "nodes/normalizer.h"
#include "pipeline/slice_range.h"
#include "pipeline/trace.h"

namespace fibflow::pipeline {

/// Reads the slices of a range one after another.
/// Out:    OrderedSlice; nothing after the last one.
/// Throws: io::Error.
class SliceReader {
 public:
  using Output = std::optional<nodes::OrderedSlice>;

  /// range: with its end. The stack outlives the reader.
  SliceReader(io::Stack& stack, SliceRange range) : stack_(stack), range_(range) {}

  Output operator()() {
    if (order_ == range_.size()) return std::nullopt;
    nodes::OrderedSlice slice{order_, stack_.read(range_.first + order_)};
    ++order_;
    return slice;
  }

  /// Of the slice that comes next.
  Place place_of_next() const { return {range_.first + order_}; }

 private:
  io::Stack& stack_;
  SliceRange range_;
  std::int64_t order_ = 0;
};

}  // namespace fibflow::pipeline
