#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fibflow::io {

/// Bytes made fewer, for planes that are kept in a state: zstd, a piece at a time, so that it takes no more memory than what
/// comes out.
std::vector<std::uint8_t> packed(std::span<const std::byte> bytes);

/// How many bytes it says were packed: nothing is known of them yet. 0 if it says nothing.
std::size_t unpacked_size(std::span<const std::uint8_t> packed);

/// The opposite, into as many bytes as were packed. Throws std::invalid_argument if they are not that many, or are damaged; it
/// never takes more memory than the target.
void unpack(std::span<const std::uint8_t> packed, std::span<std::byte> bytes);

}  // namespace fibflow::io
