#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace fibflow::io {

/// SHA-256 (FIPS 180-4): tells contents apart, and finds damage. Not thread-safe.
class Sha256 {
 public:
  /// Adds bytes behind those before.
  void add(std::string_view bytes);

  /// Of all the bytes, as 64 hexadecimal digits.
  std::string digest() const;

 private:
  std::array<std::uint32_t, 8> hash_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::string rest_;  // fewer bytes than a block
  std::uint64_t bytes_ = 0;
};

/// Of these bytes.
std::string sha256(std::string_view bytes);

}  // namespace fibflow::io
