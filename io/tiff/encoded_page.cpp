#include "io/tiff/encoded_page.h"

#include <tiffio.h>

#include <algorithm>
#include <cstdarg>

namespace fibflow::io {
namespace {

int drop(TIFF*, void*, const char*, const char*, va_list) {
  return 1;
}

TIFF* handle(void* tiff) {
  return static_cast<TIFF*>(tiff);
}

}  // namespace

void EncodedPage::Close::operator()(void* tiff) const {
  TIFFClose(handle(tiff));
}

std::optional<EncodedPage> EncodedPage::open(const std::string& path) {
  TIFFOpenOptions* options = TIFFOpenOptionsAlloc();
  if (options == nullptr) throw std::bad_alloc();
  TIFFOpenOptionsSetErrorHandlerExtR(options, drop, nullptr);
  TIFFOpenOptionsSetWarningHandlerExtR(options, drop, nullptr);
  EncodedPage page;
  page.tiff_.reset(TIFFOpenExt(path.c_str(), "r", options));
  TIFFOpenOptionsFree(options);
  if (!page.tiff_) return std::nullopt;
  TIFF* const tiff = handle(page.tiff_.get());
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
  page.layout_.height = static_cast<int>(height);
  page.layout_.width = static_cast<int>(width);
  page.layout_.type = is_float ? PixelType::f32 : bits == 8 ? PixelType::u8 : PixelType::u16;
  page.layout_.rows_per_strip = std::min(value(TIFFTAG_ROWSPERSTRIP, std::uint32_t{0}), height);
  page.layout_.compression = value(TIFFTAG_COMPRESSION, std::uint16_t{0});
  std::uint16_t predictor = 1;
  if (TIFFGetField(tiff, TIFFTAG_PREDICTOR, &predictor) == 1) page.layout_.predictor = predictor;
  return page;
}

std::size_t EncodedPage::strips() const {
  return TIFFNumberOfStrips(handle(tiff_.get()));
}

const std::vector<std::byte>* EncodedPage::strip(std::size_t i) {
  TIFF* const tiff = handle(tiff_.get());
  const auto index = static_cast<std::uint32_t>(i);
  const std::uint64_t size = TIFFRawStripSize64(tiff, index);
  // Voxels that do not compress grow a little; more than that is no strip of ours.
  const auto most = 2 * static_cast<std::uint64_t>(TIFFStripSize64(tiff)) + 1024;
  if (size == 0 || size > most) return nullptr;
  bytes_.resize(size);
  const tmsize_t got = TIFFReadRawStrip(tiff, index, bytes_.data(), static_cast<tmsize_t>(size));
  return got == static_cast<tmsize_t>(size) ? &bytes_ : nullptr;
}

}  // namespace fibflow::io
