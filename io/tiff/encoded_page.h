#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
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

/// The only page of a TIFF, strip by strip as it is stored. One thread at a time.
class EncodedPage {
 public:
  /// Nothing if there is no such file, or it has several pages, tiles, several samples, or another byte order than this machine.
  static std::optional<EncodedPage> open(const std::string& path);

  const StripLayout& layout() const { return layout_; }
  std::size_t strips() const;
  /// Nothing if it cannot be read. Valid until the next call.
  const std::vector<std::byte>* strip(std::size_t i);

 private:
  struct Close {
    void operator()(void* tiff) const;
  };
  std::unique_ptr<void, Close> tiff_;
  StripLayout layout_;
  std::vector<std::byte> bytes_;
};

}  // namespace fibflow::io
