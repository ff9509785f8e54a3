#include "io/folder/slice_file.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>
#include <utility>

#include "io/error.h"
#include "io/format.h"
#include "io/jpeg/jpeg_format.h"
#include "io/png/png_format.h"
#include "io/tiff/tiff_end.h"
#include "io/tiff/tiff_file.h"
#include "io/tiff/tiff_format.h"
#include "io/tiff/tiff_stack.h"

namespace fibflow::io {
namespace {

std::array<const Format*, 3> slice_formats() {
  return {&tiff_format(), &png_format(), &jpeg_format()};
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

/// By what is in the file, else by its name, else TIFF, which then says what is wrong.
const Format& format_of(const std::string& path) {
  std::string head(16, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(file.gcount()));
  for (const Format* format : slice_formats()) {
    if (format->recognizes(path, head)) return *format;
  }
  const Format* named = format_by_ending(path);
  return named != nullptr ? *named : tiff_format();
}

}  // namespace

const Format* format_by_ending(const std::string& path) {
  const std::string name = lower(path);
  for (const Format* format : slice_formats()) {
    for (const std::string& suffix : format->suffixes) {
      if (name.ends_with(suffix)) return format;
    }
  }
  return nullptr;
}

std::unique_ptr<Stack> open_slice_file(const std::string& path, const OpenOptions& options) {
  const Format& format = format_of(path);
  std::unique_ptr<Stack> stack = &format == &tiff_format() ? std::make_unique<TiffStack>(path, true, options)
                                                           : format.open(path, options);
  if (stack->info().depth != 1) {
    throw Error(ErrorKind::bad_data, path,
                "has " + std::to_string(stack->info().depth) +
                    " pages; in a folder or glob each file must be one slice (open such a file by itself)");
  }
  return stack;
}

SliceFileReading read_slice_file(const std::string& path, std::int64_t z,
                                 const std::function<std::string(const StackInfo& info)>& objection,
                                 const OpenOptions& options) {
  SliceFileReading reading;
  const auto before = identify(path);
  if (!before) {
    reading.state = SliceFileReading::State::changing;
    reading.reason = path + ": is not there, or no regular file";
    return reading;
  }
  reading.identity = *before;
  try {
    const auto stack = open_slice_file(path, options);
    reading.info = stack->info();
    if (objection) reading.reason = objection(reading.info);
    if (reading.reason.empty()) {
      reading.slice = stack->read(0).at(z);
      // The others have checksums or an end of their own.
      if (&format_of(path) == &tiff_format()) reading.zero_end = zero_end(TiffFile(path));
      reading.state = SliceFileReading::State::whole;
    } else {
      reading.state = SliceFileReading::State::refused;
    }
  } catch (const Error& error) {
    reading.reason = error.what();
  }
  // Whatever was found: if the file is another now, it was found in neither.
  if (identify(path) != before) {
    reading.state = SliceFileReading::State::changing;
    reading.reason = path + ": changed while it was read";
    reading.slice = {};
  }
  return reading;
}

}  // namespace fibflow::io
