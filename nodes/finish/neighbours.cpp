#include "nodes/finish/neighbours.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace fibflow::nodes {

Neighbours::Neighbours(int reach) : reach_(static_cast<std::size_t>(std::max(reach, 0))) {
  if (reach < 0) throw std::invalid_argument("slices cannot have a negative number of neighbours");
}

Neighbourhood Neighbours::around(std::size_t middle) const {
  const std::size_t first = middle - std::min(middle, reach_);
  const std::size_t end = std::min(slices_.size(), middle + reach_ + 1);
  Neighbourhood found;
  for (std::size_t i = first; i < end; ++i) found.slices.push_back(slices_[i]);
  found.middle = middle - first;
  return found;
}

/// The first slice that is still to come out.
Neighbourhood Neighbours::take_waiting() {
  Neighbourhood next = around(slices_.size() - waiting_.size());
  next.update = std::move(waiting_.front());
  waiting_.pop_front();
  return next;
}

void Neighbours::forget_passed() {
  while (slices_.size() > waiting_.size() + reach_) slices_.pop_front();
}

Neighbours::Output Neighbours::operator()(Input next) {
  slices_.push_back(std::make_shared<const SegmentedSlice>(std::move(std::get<0>(next))));
  waiting_.push_back(std::move(std::get<1>(next)));
  Output complete;
  if (waiting_.size() > reach_) complete.push_back(take_waiting());
  forget_passed();
  return complete;
}

Neighbours::Output Neighbours::finish() {
  Output rest;
  while (!waiting_.empty()) rest.push_back(take_waiting());
  forget_passed();
  return rest;
}

void Neighbours::restore(Before before) {
  slices_.assign(std::make_move_iterator(before.begin()), std::make_move_iterator(before.end()));
  waiting_.clear();
  forget_passed();
}

Neighbours::Before Neighbours::before_next(const Neighbourhood& done) const {
  const std::size_t end = done.middle + 1;
  const std::size_t first = end - std::min(end, reach_);
  return {done.slices.begin() + static_cast<std::ptrdiff_t>(first),
          done.slices.begin() + static_cast<std::ptrdiff_t>(end)};
}

}  // namespace fibflow::nodes
