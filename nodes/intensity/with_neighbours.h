#pragma once

#include <utility>
#include <vector>

#include "io/slice.h"

namespace fibflow::nodes {

/// What a change makes of a slice, and of its neighbours with it. change: of one slice to one, which keeps its z.
template <typename Change>
io::Slice with_neighbours(const io::Slice& slice, const Change& change) {
  io::Slice result = change(slice);
  if (slice.neighbours() == 1) return result;
  std::vector<io::Slice> around;
  for (std::size_t i = 0; i < slice.neighbours(); ++i) {
    const io::Slice& one = slice.neighbour(i);
    around.push_back(one.data() == slice.data() ? result.at(one.z()) : change(one));
  }
  return result.among(std::move(around));
}

}  // namespace fibflow::nodes
