// Opens any bytes as a stack and reads its slices, whole and in part: io::Error is the only way to fail.

#include <algorithm>

#include "io/error.h"
#include "io/formats/formats.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fibflow::testing::MemoryFile file("stack.tif");
  try {
    const auto stack = fibflow::io::open_stack(file.with(data, size));
    const auto& info = stack->info();
    if (info.depth < 1 || info.height < 1 || info.width < 1) std::abort();
    for (std::int64_t z = 0; z < info.depth && z < 4; ++z) {
      const auto slice = stack->read(z);
      // Reading every voxel shows the sanitizer those that nobody wrote.
      std::uint8_t all = 0;
      for (std::size_t i = 0; i < slice.size_bytes(); ++i)
        all ^= std::to_integer<std::uint8_t>(slice.data()[i]);
      asm volatile("" : : "r"(all));
      const fibflow::io::Region middle{{info.height / 3, info.height / 3 + (info.height + 2) / 3},
                                       {info.width / 3, info.width / 3 + (info.width + 2) / 3}};
      const auto part = stack->read_region(z, middle);
      const auto expected = slice.part(middle);
      if (!std::equal(part.data(), part.data() + part.size_bytes(), expected.data())) std::abort();
    }
  } catch (const fibflow::io::Error&) {
    // The right answer to a broken file.
  }
  return 0;
}
