#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "model/statistics/statistics.h"
#include "model/tile/network.h"
#include "nodes/statistics/statistics_updater.h"

namespace fibflow::testing {

/// Slices of an imaginary stack, by what would be measured of them: they differ a little from each other, and lie elsewhere from
/// a jump on. An updater is led through them as in a run.
class ImaginarySlices {
 public:
  explicit ImaginarySlices(const model::Network& network, int every = 1) : network_(network), every_(every) {}

  std::int64_t first_z = 0;  ///< of the slice with the order 0
  std::int64_t jump = 1'000'000;
  std::vector<std::int64_t> odd;          ///< single slices that are different
  std::vector<std::int64_t> blank;        ///< of which nothing counts
  bool shows_in_first_layer = true;       ///< what is different does
  std::vector<std::int64_t> out_of_turn;  ///< slices that were measured so

  model::Moments moments(std::int64_t n) const {
    const bool is_odd = std::ranges::find(odd, n) != odd.end();
    const bool is_blank = std::ranges::find(blank, n) != blank.end();
    const double change = (n >= jump ? 3 : 0) + (is_odd ? 5 : 0);
    model::Moments all;
    for (const model::BatchNorm& layer : network_.batch_norms()) {
      model::LayerMoments m;
      m.count = is_blank ? 0 : 64;
      const bool is_first = all.layers.empty();
      for (int c = 0; c < layer.channels; ++c) {
        m.mean.push_back(0.3 * c + 0.02 * static_cast<double>(n * 7 % 5) +
                         (is_first && !shows_in_first_layer ? 0 : change));
        m.squares.push_back(64 * (1 + 0.1 * c));
      }
      all.layers.push_back(std::move(m));
    }
    return all;
  }

  nodes::SliceSample sample(std::int64_t n) const {
    const bool due = every_ > 0 && (n + 1) % every_ == 0;
    nodes::SliceSample sample;
    sample.order = n;
    sample.slice.order = n;
    sample.slice.slice = io::Slice(first_z + n, 1, 1, io::PixelType::u8, std::make_shared<std::byte[]>(1));
    sample.due = due;
    if (every_ == 0) return sample;
    model::Moments all = moments(n);
    if (!due) all.layers.resize(1);
    sample.moments = std::make_shared<const model::Moments>(std::move(all));
    return sample;
  }

  nodes::StatisticsUpdater::Measure measure() {
    return [this](const nodes::PreparedSlice& slice) {
      out_of_turn.push_back(slice.order);
      return nodes::SampleMeasurer::Measured{moments(slice.order), 0.5};
    };
  }

 private:
  const model::Network& network_;
  int every_;
};

}  // namespace fibflow::testing
