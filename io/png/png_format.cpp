#include "io/png/png_format.h"

#include <png.h>

#include <bit>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "io/samples/picture_stack.h"

namespace fibflow::io {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view signature = "\x89PNG\r\n\x1a\n"sv;

bool recognizes(const std::string&, std::string_view head) {
  return head.starts_with(signature);
}

/// What the header says.
struct Header {
  int width = 0;
  int height = 0;
  int bits = 0;  // of a sample
  int colour = 0;

  bool has_palette() const { return (colour & PNG_COLOR_MASK_PALETTE) != 0; }
  bool has_colour() const { return (colour & PNG_COLOR_MASK_COLOR) != 0; }
};

/// Libpng's view of bytes in memory, and what it said when it gave up.
struct Reading {
  const std::string* bytes = nullptr;
  std::size_t at = 0;
  std::string error;
  png_structp png = nullptr;
  png_infop info = nullptr;

  ~Reading() {
    if (png != nullptr) png_destroy_read_struct(&png, info != nullptr ? &info : nullptr, nullptr);
  }
};

void give_bytes(png_structp png, png_bytep to, std::size_t count) {
  auto& reading = *static_cast<Reading*>(png_get_io_ptr(png));
  if (count > reading.bytes->size() - reading.at) png_error(png, "the file ends in it: it is truncated");
  std::memcpy(to, reading.bytes->data() + reading.at, count);
  reading.at += count;
}

void keep_error(png_structp png, png_const_charp text) {
  static_cast<Reading*>(png_get_error_ptr(png))->error = text;
  png_longjmp(png, 1);
}

void no_warning(png_structp, png_const_charp) {}

/// No object with a destructor lives in here: libpng leaves it by a long jump.
bool read_pixels(Reading& reading, bool keep_palette, std::byte* pixels, std::size_t row, png_bytep* rows,
                 int height) {
  png_structp png = reading.png;
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_read_fn(png, &reading, give_bytes);
  png_read_info(png, reading.info);
  if (png_get_color_type(png, reading.info) == PNG_COLOR_TYPE_PALETTE && !keep_palette)
    png_set_palette_to_rgb(png);
  png_set_packing(png);
  if ((png_get_color_type(png, reading.info) & PNG_COLOR_MASK_ALPHA) != 0 ||
      (!keep_palette && png_get_color_type(png, reading.info) == PNG_COLOR_TYPE_PALETTE)) {
    png_set_strip_alpha(png);
  }
  if constexpr (std::endian::native == std::endian::little) {
    if (png_get_bit_depth(png, reading.info) == 16) png_set_swap(png);
  }
  png_set_interlace_handling(png);
  png_read_update_info(png, reading.info);
  if (png_get_rowbytes(png, reading.info) != row) png_error(png, "its header contradicts itself");
  for (int y = 0; y < height; ++y)
    rows[y] = reinterpret_cast<png_bytep>(pixels + static_cast<std::size_t>(y) * row);
  png_read_image(png, rows);
  png_read_end(png, nullptr);
  return true;
}

class PngStack : public PictureStack {
 public:
  PngStack(const std::string& path, const OpenOptions& options) : PictureStack(path) {
    const Header header = read_header();
    keeps_palette_ = header.has_palette() && options.labels;
    // Palettes become colours of 8 bits, other samples are unpacked to bytes.
    SampleForm form;
    form.bits = header.bits == 16 ? 16 : 8;
    form.samples = header.has_colour() && !keeps_palette_ ? 3 : 1;
    describe("PNG", "deflate", header.height, header.width, form, options);
    if (header.bits < 8 && !header.has_palette()) info_.bits = header.bits;
    if ((header.colour & PNG_COLOR_MASK_ALPHA) != 0)
      info_.remarks.emplace_back("its transparency is left out");
  }

 private:
  void decode(const std::string& bytes, std::byte* samples, std::size_t row) const override {
    Reading reading;
    reading.bytes = &bytes;
    reading.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reading, keep_error, no_warning);
    if (reading.png != nullptr) reading.info = png_create_info_struct(reading.png);
    if (reading.info == nullptr) throw std::bad_alloc();
    // A slice of a large detector is beyond libpng's usual limit.
    png_set_user_limits(reading.png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    std::vector<png_bytep> rows(static_cast<std::size_t>(info_.height));
    if (!read_pixels(reading, keeps_palette_, samples, row, rows.data(), info_.height)) {
      bad("cannot be decoded (" + reading.error + ")");
    }
  }

  Header read_header() const {
    // Signature, then the chunk IHDR: length, name, width, height, bits, colour.
    constexpr std::size_t size = 33;
    const std::string head = require_head(size);
    if (!head.starts_with(signature)) bad("not a PNG file");
    if (head.size() < size || head.substr(12, 4) != "IHDR") {
      bad("has no whole header: it is truncated or damaged");
    }
    const auto* bytes = reinterpret_cast<png_const_bytep>(head.data());
    const std::uint32_t width = png_get_uint_32(bytes + 16);
    const std::uint32_t height = png_get_uint_32(bytes + 20);
    const Header header{static_cast<int>(width), static_cast<int>(height), bytes[24], bytes[25]};
    if (width == 0 || height == 0 || width > PNG_UINT_31_MAX || height > PNG_UINT_31_MAX) {
      bad("claims " + std::to_string(width) + " x " + std::to_string(height) +
          " voxels: it is truncated or damaged");
    }
    return header;
  }

  bool keeps_palette_ = false;
};

std::unique_ptr<Stack> open(const std::string& path, const OpenOptions& options) {
  return std::make_unique<PngStack>(path, options);
}

}  // namespace

const Format& png_format() {
  static const Format format{"PNG", {".png"}, recognizes, open, nullptr, nullptr, nullptr};
  return format;
}

}  // namespace fibflow::io
