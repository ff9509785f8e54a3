#include "io/png/png_format.h"

#include <png.h>

#include <bit>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "io/error.h"
#include "io/files/contents.h"
#include "io/metadata/microscope.h"
#include "io/samples/stored_samples.h"

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

class PngStack : public Stack {
 public:
  PngStack(const std::string& path, const OpenOptions& options) : path_(path), options_(options) {
    header_ = read_header();
    conversion_.labels = options.labels;
    SampleForm& form = conversion_.form;
    // Palettes become colours of 8 bits, other samples are unpacked to bytes.
    keeps_palette_ = header_.has_palette() && options.labels;
    form.bits = header_.bits == 16 ? 16 : 8;
    form.samples = header_.has_colour() && !keeps_palette_ ? 3 : 1;
    form.sample = options.channel;
    if (options.channel && *options.channel >= form.samples) {
      throw Error(ErrorKind::bad_data, path,
                  "has " + std::to_string(form.samples) + (form.samples == 1 ? " channel" : " channels") +
                      ": there is no channel " + std::to_string(*options.channel));
    }
    info_.path = path;
    info_.channel = options.channel;
    info_.format = "PNG";
    info_.compression = "deflate";
    info_.depth = 1;
    info_.height = header_.height;
    info_.width = header_.width;
    info_.type = *form.type();
    const MicroscopeFacts facts = read_sidecar(path, info_.height, info_.width);
    info_.voxel_nm = facts.nm;
    if (facts.nm.x > 0) info_.voxel_source = facts.source;
    if (facts.data_bar > 0) {
      info_.not_image.bottom = facts.data_bar;
      info_.remarks.push_back(spoken_data_bar(facts.data_bar, facts.source));
    }
    if (header_.bits < 8 && !header_.has_palette()) info_.bits = header_.bits;
    // The file's bytes, and the samples.
    info_.decoding_bytes = 2 * static_cast<std::size_t>(header_.height) * form.row_bytes(header_.width);
    if (form.samples > 1 && !form.sample) {
      info_.remarks.emplace_back("saved as colour: read as gray, which each voxel must be");
    }
    if ((header_.colour & PNG_COLOR_MASK_ALPHA) != 0)
      info_.remarks.emplace_back("its transparency is left out");
  }

  const StackInfo& info() const override { return info_; }
  std::vector<std::string> files() const override { return {path_}; }

  Slice read(std::int64_t z) override {
    if (z != 0) throw std::out_of_range("PngStack: slice " + std::to_string(z) + " of 1");
    const std::string bytes = contents_of(path_);
    Reading reading;
    reading.bytes = &bytes;
    reading.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reading, keep_error, no_warning);
    if (reading.png != nullptr) reading.info = png_create_info_struct(reading.png);
    if (reading.info == nullptr) throw std::bad_alloc();
    // A slice of a large detector is beyond libpng's usual limit.
    png_set_user_limits(reading.png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    const std::size_t row = conversion_.form.row_bytes(info_.width);
    const std::size_t size = row * static_cast<std::size_t>(info_.height);
    const auto pixels = std::make_unique_for_overwrite<std::byte[]>(size);
    std::vector<png_bytep> rows(static_cast<std::size_t>(info_.height));
    if (!read_pixels(reading, keeps_palette_, pixels.get(), row, rows.data(), info_.height)) {
      bad("cannot be decoded (" + reading.error + ")");
    }
    auto voxels = std::make_shared_for_overwrite<std::byte[]>(info_.slice_bytes());
    try {
      convert_samples(conversion_, pixels.get(), 0, row, {{0, info_.height}, {0, info_.width}}, voxels.get());
    } catch (const std::runtime_error& reason) {
      bad(reason.what());
    }
    return {0, info_.height, info_.width, info_.type, std::move(voxels)};
  }

 private:
  [[noreturn]] void bad(const std::string& reason) const { throw Error(ErrorKind::bad_data, path_, reason); }

  Header read_header() const {
    // Signature, then the chunk IHDR: length, name, width, height, bits, colour.
    constexpr std::size_t size = 33;
    std::ifstream file(path_, std::ios::binary);
    if (!file) throw Error(ErrorKind::missing, path_, "cannot be opened");
    std::string head(size, '\0');
    file.read(head.data(), static_cast<std::streamsize>(size));
    if (!head.starts_with(signature)) bad("not a PNG file");
    if (file.gcount() < static_cast<std::streamsize>(size) || head.substr(12, 4) != "IHDR") {
      bad("has no whole header: it is truncated or damaged");
    }
    const auto* bytes = reinterpret_cast<png_const_bytep>(head.data());
    const std::uint32_t width = png_get_uint_32(bytes + 16);
    const std::uint32_t height = png_get_uint_32(bytes + 20);
    Header header{static_cast<int>(width), static_cast<int>(height), bytes[24], bytes[25]};
    file.seekg(0, std::ios::end);
    const auto file_bytes = static_cast<std::uint64_t>(file.tellg());
    // Deflate makes at most 1032 bytes of one.
    const std::uint64_t bits = std::uint64_t{width} * static_cast<std::uint64_t>(header.bits);
    if (width == 0 || height == 0 || width > PNG_UINT_31_MAX || height > PNG_UINT_31_MAX ||
        bits / 8 / 1032 > file_bytes / height) {
      bad("claims " + std::to_string(width) + " x " + std::to_string(height) + " voxels in " +
          std::to_string(file_bytes) + " bytes: it is truncated or damaged");
    }
    return header;
  }

  const std::string path_;
  const OpenOptions options_;
  StackInfo info_;
  Header header_;
  SampleConversion conversion_;
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
