#include "io/jpeg/jpeg_format.h"

#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <cstdio>  // jpeglib.h needs it
#include <filesystem>
#include <memory>
#include <string>

#include <jpeglib.h>

#include "io/samples/picture_stack.h"

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

class JpegStack : public PictureStack {
 public:
  JpegStack(const std::string& path, const OpenOptions& options) : PictureStack(path) {
    // Enough for what cameras and programs put before the image.
    constexpr std::size_t longest_head = std::size_t{4} << 20;
    const std::string head = require_head(longest_head);
    if (!recognizes(path, head)) bad("not a JPEG file");
    Reading reading;
    if (!read_header(reading, reinterpret_cast<const unsigned char*>(head.data()), head.size())) {
      bad(std::string("has no header that can be read (") + reading.text + "): it is truncated or damaged");
    }
    SampleForm form;
    form.samples = reading.jpeg.num_components;
    if (form.samples != 1 && form.samples != 3) {
      bad("has " + std::to_string(form.samples) + " components: convert it to gray-scale");
    }
    describe("JPEG", "jpeg", static_cast<int>(reading.jpeg.image_height),
             static_cast<int>(reading.jpeg.image_width), form, options);
    info_.remarks.emplace_back("JPEG has lost fine detail of the image for good");
  }

 private:
  void decode(const std::string& bytes, std::byte* samples, std::size_t row) const override {
    Reading reading;
    const bool opened =
        read_header(reading, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    if (opened && (static_cast<int>(reading.jpeg.image_height) != info_.height ||
                   static_cast<int>(reading.jpeg.image_width) != info_.width ||
                   reading.jpeg.num_components != form().samples)) {
      bad("changed while it was read");
    }
    if (!opened || !read_pixels(reading, samples, row)) {
      bad(std::string("cannot be decoded (") + reading.text + "): it is truncated or damaged");
    }
  }
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
