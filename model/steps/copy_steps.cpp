#include "model/steps/copy_steps.h"

#include <algorithm>

namespace fibflow::model {

void CopyChannelsStep::run(const StepContext& context) const {
  const MapView target = context.view(to);
  for (int cb = 0; cb < cleared_blocks; ++cb) {
    for (int row = 0; row < height; ++row) {
      float* begin = target.data + cb * target.plane + row * target.row;
      std::fill(begin, begin + static_cast<std::ptrdiff_t>(width) * to_block, 0.0F);
    }
  }
  copy_channels(context.view(from), from_block, from_first, target, to_block, to_first, channels, height,
                width);
}

}  // namespace fibflow::model
