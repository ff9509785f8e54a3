#include "io/png.h"

#include <png.h>

#include <stdexcept>
#include <vector>

#include "io/atomic_file.h"
#include "io/error.h"

namespace fibflow::io {

void write_png(const std::string& path, int width, int height, int channels,
               std::span<const std::uint8_t> pixels, bool overwrite) {
  if (width <= 0 || height <= 0 || (channels != 1 && channels != 3) ||
      pixels.size() != static_cast<std::size_t>(width) * static_cast<std::size_t>(height) *
                           static_cast<std::size_t>(channels)) {
    throw std::invalid_argument("write_png: " + std::to_string(pixels.size()) + " values for " +
                                std::to_string(width) + " x " + std::to_string(height) + " pixels of " +
                                std::to_string(channels) + " channels");
  }
  AtomicFile file(path, overwrite);
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width);
  image.height = static_cast<png_uint_32>(height);
  image.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  // In memory first: libpng's own file output would not tell why a write failed.
  std::vector<std::byte> bytes(PNG_IMAGE_PNG_SIZE_MAX(image));
  png_alloc_size_t size = bytes.size();
  if (png_image_write_to_memory(&image, bytes.data(), &size, 0, pixels.data(), 0, nullptr) == 0) {
    throw Error(ErrorKind::cannot_create, path, std::string("cannot be made a PNG: ") + image.message);
  }
  file.write(bytes.data(), size);
  file.commit();
}

}  // namespace fibflow::io
