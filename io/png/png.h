#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace fibflow::io {

/// An 8-bit picture as PNG: gray (channels = 1), RGB (3) or RGBA (4, alpha not premultiplied), rows top to
/// bottom, channels interleaved, no padding. Throws std::invalid_argument if the sizes do not fit or are more than
/// PNG can hold.
std::vector<std::uint8_t> encode_png(int width, int height, int channels,
                                     std::span<const std::uint8_t> pixels);

/// Writes such a picture to a file, which appears when it is complete. Throws io::Error as AtomicFile does,
/// std::invalid_argument as encode_png() does.
void write_png(const std::string& path, int width, int height, int channels,
               std::span<const std::uint8_t> pixels, bool overwrite = false);

}  // namespace fibflow::io
