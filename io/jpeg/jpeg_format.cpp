#include "io/jpeg/jpeg_format.h"

#include <csetjmp>
#include <cstddef>
#include <cstdio>  // jpeglib.h needs it
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include <jpeglib.h>

#include "io/error.h"
#include "io/files/contents.h"
#include "io/metadata/microscope.h"
#include "io/samples/stored_samples.h"

namespace fibflow::io {
namespace {

using namespace std::string_view_literals;

bool recognizes(const std::string&, std::string_view head) {
  return head.starts_with("\xff\xd8\xff"sv);
}

/// Libjpeg's decompressor, which leaves by a long jump, and what it said when it did.
struct Reading {
  jpeg_error_mgr errors{};
  jpeg_decompress_struct jpeg{};
  std::jmp_buf leave{};
  char text[JMSG_LENGTH_MAX] = "";

  Reading() {
    jpeg.err = jpeg_std_error(&errors);
    jpeg.client_data = this;
    errors.error_exit = [](j_common_ptr info) {
      auto& reading = *static_cast<Reading*>(info->client_data);
      info->err->format_message(info, reading.text);
      std::longjmp(reading.leave, 1);
    };
    // A decoder that warns has made voxels up: an early end is filled with gray.
    errors.emit_message = [](j_common_ptr info, int level) {
      if (level < 0) info->err->error_exit(info);
    };
    errors.output_message = [](j_common_ptr) {};
    jpeg_create_decompress(&jpeg);
  }
  ~Reading() { jpeg_destroy_decompress(&jpeg); }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
};

/// No object with a destructor lives in these two.
bool read_header(Reading& reading, const unsigned char* bytes, std::size_t size) {
  if (setjmp(reading.leave) != 0) return false;
  jpeg_mem_src(&reading.jpeg, bytes, static_cast<unsigned long>(size));
  jpeg_read_header(&reading.jpeg, TRUE);
  return true;
}

bool read_pixels(Reading& reading, std::byte* pixels, std::size_t row) {
  if (setjmp(reading.leave) != 0) return false;
  reading.jpeg.out_color_space = reading.jpeg.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_start_decompress(&reading.jpeg);
  while (reading.jpeg.output_scanline < reading.jpeg.output_height) {
    JSAMPROW to =
        reinterpret_cast<JSAMPROW>(pixels + static_cast<std::size_t>(reading.jpeg.output_scanline) * row);
    jpeg_read_scanlines(&reading.jpeg, &to, 1);
  }
  jpeg_finish_decompress(&reading.jpeg);
  return true;
}

class JpegStack : public Stack {
 public:
  JpegStack(const std::string& path, const OpenOptions& options) : path_(path) {
    // Enough for what cameras and programs put before the image.
    constexpr std::size_t longest_head = std::size_t{4} << 20;
    std::ifstream file(path_, std::ios::binary);
    if (!file) throw Error(ErrorKind::missing, path_, "cannot be opened");
    std::error_code ignored;
    const auto size = std::filesystem::file_size(path_, ignored);
    std::string head(std::min<std::size_t>(longest_head, ignored ? longest_head : size), '\0');
    file.read(head.data(), static_cast<std::streamsize>(head.size()));
    head.resize(static_cast<std::size_t>(file.gcount()));
    if (!recognizes(path, head)) bad("not a JPEG file");
    Reading reading;
    if (!read_header(reading, reinterpret_cast<const unsigned char*>(head.data()), head.size())) {
      bad(std::string("has no header that can be read (") + reading.text + "): it is truncated or damaged");
    }
    const int components = reading.jpeg.num_components;
    if (components != 1 && components != 3) {
      bad("has " + std::to_string(components) + " components: convert it to gray-scale");
    }
    SampleForm& form = conversion_.form;
    conversion_.labels = options.labels;
    form.samples = components;
    form.sample = options.channel;
    if (options.channel && *options.channel >= components) {
      bad("has " + std::to_string(components) + (components == 1 ? " channel" : " channels") +
          ": there is no channel " + std::to_string(*options.channel));
    }
    info_.path = path;
    info_.channel = options.channel;
    info_.format = "JPEG";
    info_.compression = "jpeg";
    info_.depth = 1;
    info_.height = static_cast<int>(reading.jpeg.image_height);
    info_.width = static_cast<int>(reading.jpeg.image_width);
    info_.type = PixelType::u8;
    const MicroscopeFacts facts = read_sidecar(path, info_.height, info_.width);
    info_.voxel_nm = facts.nm;
    if (facts.nm.x > 0) info_.voxel_source = facts.source;
    if (facts.data_bar > 0) {
      info_.not_image.bottom = facts.data_bar;
      info_.remarks.push_back(spoken_data_bar(facts.data_bar, facts.source));
    }
    info_.decoding_bytes = 2 * static_cast<std::size_t>(info_.height) * form.row_bytes(info_.width);
    info_.remarks.emplace_back("JPEG has lost fine detail of the image for good");
    if (components > 1 && !form.sample) {
      info_.remarks.emplace_back("saved as colour: read as gray, which each voxel must be");
    }
  }

  const StackInfo& info() const override { return info_; }
  std::vector<std::string> files() const override { return {path_}; }

  Slice read(std::int64_t z) override {
    if (z != 0) throw std::out_of_range("JpegStack: slice " + std::to_string(z) + " of 1");
    const std::string bytes = contents_of(path_);
    const std::size_t row = conversion_.form.row_bytes(info_.width);
    const auto pixels =
        std::make_unique_for_overwrite<std::byte[]>(row * static_cast<std::size_t>(info_.height));
    Reading reading;
    const bool opened =
        read_header(reading, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    if (opened && (static_cast<int>(reading.jpeg.image_height) != info_.height ||
                   static_cast<int>(reading.jpeg.image_width) != info_.width ||
                   reading.jpeg.num_components != conversion_.form.samples)) {
      bad("changed while it was read");
    }
    if (!opened || !read_pixels(reading, pixels.get(), row)) {
      bad(std::string("cannot be decoded (") + reading.text + "): it is truncated or damaged");
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

  const std::string path_;
  StackInfo info_;
  SampleConversion conversion_;
};

std::unique_ptr<Stack> open(const std::string& path, const OpenOptions& options) {
  return std::make_unique<JpegStack>(path, options);
}

}  // namespace

const Format& jpeg_format() {
  static const Format format{"JPEG", {".jpg", ".jpeg"}, recognizes, open, nullptr, nullptr, nullptr};
  return format;
}

}  // namespace fibflow::io
