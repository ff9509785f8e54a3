#include "io/tiff/encoded_page.h"

#include <tiffio.h>

#include <algorithm>
#include <cstdarg>
#include <cstdint>
#include <memory>
#include <new>

namespace fibflow::io {
namespace {

int drop(TIFF*, void*, const char*, const char*, va_list) {
  return 1;
}

using Handle = std::unique_ptr<TIFF, decltype(&TIFFClose)>;

Handle open_silently(const std::string& path) {
  TIFFOpenOptions* options = TIFFOpenOptionsAlloc();
  if (options == nullptr) throw std::bad_alloc();
  TIFFOpenOptionsSetErrorHandlerExtR(options, drop, nullptr);
  TIFFOpenOptionsSetWarningHandlerExtR(options, drop, nullptr);
  Handle handle(TIFFOpenExt(path.c_str(), "r", options), TIFFClose);
  TIFFOpenOptionsFree(options);
  return handle;
}

std::optional<StripLayout> layout_of(TIFF* tiff) {
  const auto value = [&](std::uint32_t tag, auto otherwise) {
    TIFFGetFieldDefaulted(tiff, tag, &otherwise);
    return otherwise;
  };
  const auto bits = value(TIFFTAG_BITSPERSAMPLE, std::uint16_t{0});
  const auto format = value(TIFFTAG_SAMPLEFORMAT, std::uint16_t{0});
  const bool is_float = format == SAMPLEFORMAT_IEEEFP && bits == 32;
  const bool is_whole = format == SAMPLEFORMAT_UINT && (bits == 8 || bits == 16);
  if (TIFFIsTiled(tiff) != 0 || TIFFLastDirectory(tiff) == 0 || TIFFIsByteSwapped(tiff) != 0 ||
      (!is_float && !is_whole) || value(TIFFTAG_SAMPLESPERPIXEL, std::uint16_t{0}) != 1)
    return std::nullopt;
  constexpr std::uint32_t largest = 1 << 30;
  const auto height = value(TIFFTAG_IMAGELENGTH, std::uint32_t{0});
  const auto width = value(TIFFTAG_IMAGEWIDTH, std::uint32_t{0});
  if (height == 0 || width == 0 || height > largest || width > largest) return std::nullopt;
  StripLayout layout;
  layout.height = static_cast<int>(height);
  layout.width = static_cast<int>(width);
  layout.type = is_float ? PixelType::f32 : bits == 8 ? PixelType::u8 : PixelType::u16;
  layout.rows_per_strip = std::min(value(TIFFTAG_ROWSPERSTRIP, std::uint32_t{0}), height);
  layout.compression = value(TIFFTAG_COMPRESSION, std::uint16_t{0});
  std::uint16_t predictor = 1;
  if (TIFFGetField(tiff, TIFFTAG_PREDICTOR, &predictor) == 1) layout.predictor = predictor;
  return layout;
}

}  // namespace

std::optional<EncodedPage> read_encoded_page(const std::string& path) {
  const Handle handle = open_silently(path);
  if (!handle) return std::nullopt;
  TIFF* const tiff = handle.get();
  const auto layout = layout_of(tiff);
  if (!layout) return std::nullopt;
  EncodedPage page{*layout, {}};
  // Voxels that do not compress grow a little; more than that is no strip of ours.
  const auto most = 2 * static_cast<std::uint64_t>(TIFFStripSize64(tiff)) + 1024;
  for (std::uint32_t i = 0; i < TIFFNumberOfStrips(tiff); ++i) {
    const std::uint64_t size = TIFFRawStripSize64(tiff, i);
    if (size == 0 || size > most) return std::nullopt;
    std::vector<std::byte>& strip = page.strips.emplace_back(size);
    if (TIFFReadRawStrip(tiff, i, strip.data(), static_cast<tmsize_t>(size)) != static_cast<tmsize_t>(size))
      return std::nullopt;
  }
  return page;
}

}  // namespace fibflow::io
