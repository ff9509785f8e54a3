#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace fibflow::io {

/// Writes an 8-bit picture as PNG: gray (channels = 1) or RGB (3), rows top to bottom, channels interleaved,
/// no padding. The file appears when it is complete. Throws io::Error as AtomicFile does,
/// std::invalid_argument if the sizes do not fit.
void write_png(const std::string& path, int width, int height, int channels,
               std::span<const std::uint8_t> pixels, bool overwrite = false);

}  // namespace fibflow::io
