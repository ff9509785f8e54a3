#pragma once

#include <string>
#include <string_view>

namespace fibflow::io {

/// SHA-256 (FIPS 180-4) of the bytes, as 64 hexadecimal digits: tells contents apart, and finds damage.
std::string sha256(std::string_view bytes);

}  // namespace fibflow::io
