// Opens any bytes as a stack and reads its slices: io::Error is the only way to fail.

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "io/error.h"
#include "io/formats/formats.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int file = ::memfd_create("stack.tif", 0);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  if (::ftruncate(file, 0) != 0 || ::pwrite(file, data, size, 0) != static_cast<ssize_t>(size)) std::abort();
  try {
    const auto stack = fibflow::io::open_stack(path);
    const auto& info = stack->info();
    if (info.depth < 1 || info.height < 1 || info.width < 1) std::abort();
    for (std::int64_t z = 0; z < info.depth && z < 4; ++z) {
      const auto slice = stack->read(z);
      // Reading every voxel shows the sanitizer those that nobody wrote.
      std::uint8_t all = 0;
      for (std::size_t i = 0; i < slice.size_bytes(); ++i)
        all ^= std::to_integer<std::uint8_t>(slice.data()[i]);
      static volatile std::uint8_t kept = 0;
      kept = all;
    }
  } catch (const fibflow::io::Error&) {
    // The right answer to a broken file.
  }
  return 0;
}
