#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/slice.h"

namespace fibflow::io {

/// What decides how a page's strips are stored: pages that agree in it can exchange them as they are.
struct StripLayout {
  int height = 0;
  int width = 0;
  PixelType type = PixelType::u8;
  std::uint32_t rows_per_strip = 0;
  int compression = 0;  ///< TIFF's numbers
  int predictor = 1;
  friend bool operator==(const StripLayout&, const StripLayout&) = default;
};

/// A page as it is stored.
struct EncodedPage {
  StripLayout layout;
  std::vector<std::vector<std::byte>> strips;
};

/// The only page of a TIFF, without unpacking it. Nothing if there is no such file, it cannot be read to its end, or has
/// several pages, tiles, several samples, or another byte order than this machine.
std::optional<EncodedPage> read_encoded_page(const std::string& path);

}  // namespace fibflow::io
