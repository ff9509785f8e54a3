#include "nodes/tiles/object_size.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <numeric>

namespace fibflow::nodes {
namespace {

/// Runs of foreground in one row after the other, joined where they touch.
class Runs {
 public:
  std::size_t add(std::int64_t pixels) {
    parent_.push_back(parent_.size());
    area_.push_back(pixels);
    return parent_.size() - 1;
  }

  void join(std::size_t a, std::size_t b) {
    a = root(a);
    b = root(b);
    if (a == b) return;
    parent_[std::max(a, b)] = std::min(a, b);
    area_[std::min(a, b)] += area_[std::max(a, b)];
  }

  void take_areas(std::vector<std::int64_t>& areas) const {
    for (std::size_t i = 0; i < parent_.size(); ++i) {
      if (parent_[i] == i) areas.push_back(area_[i]);
    }
  }

 private:
  std::size_t root(std::size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }

  std::vector<std::size_t> parent_;
  std::vector<std::int64_t> area_;
};

struct Run {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t number = 0;
};

}  // namespace

void ObjectSize::add(std::span<const std::uint8_t> labels, int width) {
  const auto columns = static_cast<std::size_t>(width);
  Runs runs;
  std::vector<Run> above;
  for (std::size_t row = 0; row < labels.size(); row += columns) {
    std::vector<Run> here;
    std::size_t touching = 0;  // of those above, the first that may touch
    for (std::size_t x = 0; x < columns;) {
      if (labels[row + x] == 0) {
        ++x;
        continue;
      }
      Run run{x, x, 0};
      while (run.end < columns && labels[row + run.end] != 0) ++run.end;
      x = run.end;
      run.number = runs.add(static_cast<std::int64_t>(run.end - run.begin));
      while (touching < above.size() && above[touching].end <= run.begin) ++touching;
      for (std::size_t i = touching; i < above.size() && above[i].begin < run.end; ++i)
        runs.join(run.number, above[i].number);
      here.push_back(run);
    }
    above = std::move(here);
  }
  runs.take_areas(areas_);
}

std::optional<double> ObjectSize::median_diameter() const {
  if (areas_.empty()) return std::nullopt;
  std::vector<std::int64_t> areas = areas_;
  std::ranges::sort(areas);
  const std::int64_t all = std::accumulate(areas.begin(), areas.end(), std::int64_t{0});
  std::int64_t below = 0;
  const auto middle =
      std::ranges::find_if(areas, [&](std::int64_t area) { return 2 * (below += area) >= all; });
  return 2 * std::sqrt(static_cast<double>(*middle) / std::numbers::pi);
}

}  // namespace fibflow::nodes
