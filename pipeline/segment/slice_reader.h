#pragma once

#include <cstdint>
#include <optional>

#include "io/stack.h"
#include "pipeline/flow/trace.h"
#include "pipeline/options/options.h"

namespace fibflow::pipeline {

/// Reads the slices of a range one after another.
/// Out:    Slice; nothing after the last one.
/// Throws: io::Error.
class SliceReader {
 public:
  using Output = std::optional<io::Slice>;

  /// range: with its end. The stack outlives the reader.
  SliceReader(io::Stack& stack, SliceRange range) : stack_(stack), next_(range.first), end_(*range.end) {}

  Output operator()() {
    if (next_ == end_) return std::nullopt;
    io::Slice slice = stack_.read(next_);
    ++next_;
    return slice;
  }

  /// Of the slice that comes next.
  Place place_of_next() const { return {next_}; }

 private:
  io::Stack& stack_;
  std::int64_t next_;
  std::int64_t end_;
};

}  // namespace fibflow::pipeline
