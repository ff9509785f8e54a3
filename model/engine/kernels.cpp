#include "model/engine/kernels.h"

#include <cstring>

#include "model/engine/cpu.h"

namespace fibflow::model {

namespace isa_avx512 {
extern const Kernels table;
}
namespace isa_avx2 {
extern const Kernels table;
}
namespace isa_generic {
extern const Kernels table;
}

const Kernels& kernels() {
  static const Kernels& chosen = instruction_set() == InstructionSet::avx512 ? isa_avx512::table
                                 : instruction_set() == InstructionSet::avx2 ? isa_avx2::table
                                                                             : isa_generic::table;
  return chosen;
}

void copy(MapView from, MapView to, Span span) {
  const std::size_t bytes =
      static_cast<std::size_t>(span.width) * static_cast<std::size_t>(span.block) * sizeof(float);
  for (int cb = 0; cb < span.blocks; ++cb) {
    for (int y = 0; y < span.height; ++y) {
      std::memcpy(to.data + cb * to.plane + y * to.row, from.data + cb * from.plane + y * from.row, bytes);
    }
  }
}

void copy_channels(MapView from, int from_block, int from_first, MapView to, int to_block, int to_first,
                   int channels, int height, int width) {
  for (int c = 0; c < channels; ++c) {
    const int f = from_first + c;
    const int t = to_first + c;
    for (int y = 0; y < height; ++y) {
      const float* p = from.data + f / from_block * from.plane + y * from.row + f % from_block;
      float* q = to.data + t / to_block * to.plane + y * to.row + t % to_block;
      for (int x = 0; x < width; ++x)
        q[static_cast<std::ptrdiff_t>(x) * to_block] = p[static_cast<std::ptrdiff_t>(x) * from_block];
    }
  }
}

}  // namespace fibflow::model
