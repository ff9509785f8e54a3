#include "io/files/packed_bytes.h"

#include <zstd.h>

#include <memory>
#include <new>
#include <stdexcept>
#include <string>

namespace fibflow::io {

std::vector<std::uint8_t> packed(std::span<const std::byte> bytes) {
  constexpr int level = 1;
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
  if (!context) throw std::bad_alloc();
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setPledgedSrcSize(context.get(), bytes.size());
  std::vector<std::uint8_t> piece(ZSTD_CStreamOutSize());
  std::vector<std::uint8_t> all;
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  for (std::size_t left = 1; left != 0;) {
    ZSTD_outBuffer out{piece.data(), piece.size(), 0};
    left = ZSTD_compressStream2(context.get(), &out, &in, ZSTD_e_end);
    if (ZSTD_isError(left) != 0) throw std::runtime_error(std::string("zstd: ") + ZSTD_getErrorName(left));
    all.insert(all.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(out.pos));
  }
  return all;
}

std::size_t unpacked_size(std::span<const std::uint8_t> packed) {
  const unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  return size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR ? 0
                                                                            : static_cast<std::size_t>(size);
}

void unpack(std::span<const std::uint8_t> packed, std::span<std::byte> bytes) {
  const std::size_t size = ZSTD_decompress(bytes.data(), bytes.size(), packed.data(), packed.size());
  if (ZSTD_isError(size) != 0 || size != bytes.size())
    throw std::invalid_argument("packed bytes cannot be unpacked to what they were");
}

}  // namespace fibflow::io
