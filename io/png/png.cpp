#include "io/png/png.h"

#include <png.h>

#include <stdexcept>
#include <vector>

#include "io/files/atomic_file.h"

namespace fibflow::io {

namespace {

png_uint_32 format_of(int channels) {
  switch (channels) {
    case 1:
      return PNG_FORMAT_GRAY;
    case 3:
      return PNG_FORMAT_RGB;
    case 4:
      return PNG_FORMAT_RGBA;
    default:
      throw std::invalid_argument("a PNG has 1, 3 or 4 channels, not " + std::to_string(channels));
  }
}

}  // namespace

std::vector<std::uint8_t> encode_png(int width, int height, int channels,
                                     std::span<const std::uint8_t> pixels) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.format = format_of(channels);
  if (width <= 0 || height <= 0 ||
      pixels.size() != static_cast<std::size_t>(width) * static_cast<std::size_t>(height) *
                           static_cast<std::size_t>(channels)) {
    throw std::invalid_argument("no PNG of " + std::to_string(pixels.size()) + " values for " +
                                std::to_string(width) + " x " + std::to_string(height) + " pixels of " +
                                std::to_string(channels) + " channels");
  }
  image.width = static_cast<png_uint_32>(width);
  image.height = static_cast<png_uint_32>(height);
  std::vector<std::uint8_t> bytes(PNG_IMAGE_PNG_SIZE_MAX(image));
  png_alloc_size_t size = bytes.size();
  if (png_image_write_to_memory(&image, bytes.data(), &size, 0, pixels.data(), 0, nullptr) == 0) {
    throw std::invalid_argument(std::string("cannot be made a PNG: ") + image.message);
  }
  bytes.resize(size);
  return bytes;
}

void write_png(const std::string& path, int width, int height, int channels,
               std::span<const std::uint8_t> pixels, bool overwrite) {
  // In memory first: libpng's own file output would not tell why a write failed.
  const std::vector<std::uint8_t> bytes = encode_png(width, height, channels, pixels);
  AtomicFile file(path, overwrite);
  file.write(bytes.data(), bytes.size());
  file.commit();
}

}  // namespace fibflow::io
