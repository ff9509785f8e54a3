#include "model/statistics/counted_area.h"

#include <stdexcept>
#include <utility>

namespace fibflow::model {

CountedArea::CountedArea(int height, int width, int block, std::vector<std::uint8_t> counts)
    : extent_{{0, height}, {0, width}},
      block_(block),
      columns_(block > 0 ? (width + block - 1) / block : 0),
      counts_(std::make_shared<const std::vector<std::uint8_t>>(std::move(counts))) {
  if (extent_.empty() || block <= 0) throw std::invalid_argument("a counted area needs positive sizes");
  const auto blocks =
      static_cast<std::size_t>((height + block - 1) / block) * static_cast<std::size_t>(columns_);
  if (counts_->size() != blocks) throw std::invalid_argument("a counted area needs one value for each block");
}

double CountedArea::share() const {
  long long pixels = 0;
  const auto overlap = [this](int i, const Interval& extent) {
    return intersection({i * block_, (i + 1) * block_}, extent).size();
  };
  for (int r = extent_.y.begin / block_; r * block_ < extent_.y.end; ++r) {
    long long columns = 0;
    for (int c = extent_.x.begin / block_; c * block_ < extent_.x.end; ++c) {
      if (row(r)[c] != 0) columns += overlap(c, extent_.x);
    }
    pixels += columns * overlap(r, extent_.y);
  }
  return static_cast<double>(pixels) / static_cast<double>(extent_.area());
}

CountedArea CountedArea::part(const Region& patch) const {
  if (patch.empty() || !Region{{0, height()}, {0, width()}}.contains(patch)) {
    throw std::invalid_argument("a patch lies outside its image");
  }
  CountedArea result = *this;
  result.extent_ = {{extent_.y.begin + patch.y.begin, extent_.y.begin + patch.y.end},
                    {extent_.x.begin + patch.x.begin, extent_.x.begin + patch.x.end}};
  return result;
}

}  // namespace fibflow::model
