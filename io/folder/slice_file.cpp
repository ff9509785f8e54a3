#include "io/folder/slice_file.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "io/error.h"
#include "io/files/contents.h"
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

/// By what is in the file, else by its name, else TIFF, which then says what is wrong.
const Format& format_of(const std::string& path) {
  const std::string head = head_of(path, recognizing_bytes);
  for (const Format* format : slice_formats()) {
    if (format->recognizes(path, head)) return *format;
  }
  const Format* named = format_by_ending(path);
  return named != nullptr ? *named : tiff_format();
}

std::unique_ptr<Stack> open_as(const Format& format, const std::string& path, const OpenOptions& options) {
  std::unique_ptr<Stack> stack = &format == &tiff_format() ? std::make_unique<TiffStack>(path, true, options)
                                                           : format.open(path, options);
  if (stack->info().depth != 1) {
    throw Error(ErrorKind::bad_data, path,
                "has " + std::to_string(stack->info().depth) +
                    " pages; in a folder or glob each file must be one slice (open such a file by itself)");
  }
  return stack;
}

}  // namespace

const Format* format_by_ending(const std::string& path) {
  const auto formats = slice_formats();
  const auto found =
      std::ranges::find_if(formats, [&](const Format* format) { return has_suffix(*format, path); });
  return found == formats.end() ? nullptr : *found;
}

std::string bare_name(const std::string& path) {
  std::filesystem::path name = std::filesystem::path(path).filename();
  if (format_by_ending(path) != nullptr) name = name.stem();
  if (name.extension() == ".ome") name = name.stem();
  return name.string();
}

std::unique_ptr<Stack> open_slice_file(const std::string& path, const OpenOptions& options) {
  return open_as(format_of(path), path, options);
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
    const Format& format = format_of(path);
    const auto stack = open_as(format, path, options);
    reading.info = stack->info();
    if (objection) reading.reason = objection(reading.info);
    if (reading.reason.empty()) {
      reading.slice = stack->read(0).at(z);
      // The others have checksums or an end of their own.
      if (&format == &tiff_format()) reading.zero_end = zero_end(TiffFile(path));
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
