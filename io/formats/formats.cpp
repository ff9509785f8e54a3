#include "io/formats/formats.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "io/error.h"
#include "io/files/contents.h"
#include "io/folder/folder_format.h"
#include "io/jpeg/jpeg_format.h"
#include "io/png/png_format.h"
#include "io/tiff/tiff_format.h"

namespace fibflow::io {
namespace {

/// Throws Error (bad_data) for what is known and cannot be read here, by its first bytes or its ending.
void refuse_foreign(const std::string& path, const std::string& head) {
  struct Foreign {
    std::string_view endings;  // between spaces
    std::string_view magic;
    std::size_t at;  // where it stands
    const char* name;
  };
  using namespace std::string_view_literals;
  static constexpr std::array known = {
      Foreign{" .jp2 .j2k .jpf .jpx ", "\x00\x00\x00\x0cjP  "sv, 0, "JPEG 2000 image"},
      Foreign{" .mrc .rec .ali .map .st ", "MAP "sv, 208, "MRC volume"},
      Foreign{" .h5 .hdf5 .hdf .ims .ilp ", "\x89HDF\r\n\x1a\n"sv, 0, "HDF5 file"},
      Foreign{" .zarr .n5 ", ""sv, 0, "Zarr or N5 store"},
      Foreign{" .dm3 .dm4 ", ""sv, 0, "Gatan DigitalMicrograph file"},
      Foreign{" .nrrd .nhdr ", "NRRD000"sv, 0, "NRRD volume"},
      Foreign{" .bmp ", "BM"sv, 0, "BMP image"},
      Foreign{" .gif ", "GIF8"sv, 0, "GIF image"},
      Foreign{" .npy ", "\x93NUMPY"sv, 0, "NumPy array"},
      Foreign{" .czi ", "ZISRAWFILE"sv, 0, "Zeiss CZI file"},
      Foreign{" .lif .lsm .nd2 .am .raw .dat .vol .avi .mp4 .webp .svg .pdf .zip ", ""sv, 0, nullptr},
  };
  const std::string ending = ending_of(path);
  for (const Foreign& foreign : known) {
    const bool named = !ending.empty() && foreign.endings.find(" " + ending + " ") != std::string_view::npos;
    const bool looks = !foreign.magic.empty() && head.size() >= foreign.at + foreign.magic.size() &&
                       std::string_view(head).substr(foreign.at).starts_with(foreign.magic);
    if (!named && !looks) continue;
    const std::string name = foreign.name != nullptr ? std::string("looks like a ") + foreign.name
                                                     : "is a " + ending + " file by its name";
    throw Error(ErrorKind::bad_data, path,
                name + ", which cannot be read here: save it as TIFF, say with Fiji (File > Save As > Tiff)");
  }
}

/// Null if none does.
const Format* recognizing(const std::string& path, const std::string& head) {
  const auto found =
      std::ranges::find_if(formats(), [&](const Format* format) { return format->recognizes(path, head); });
  return found == formats().end() ? nullptr : *found;
}

/// A folder may be called anything, but for these.
bool is_store(const std::string& path) {
  const std::string ending = ending_of(path);
  std::error_code ignored;
  return (ending == ".zarr" || ending == ".n5") && std::filesystem::is_directory(path, ignored);
}

const Format& format_by_suffix(const std::string& path) {
  for (const Format* format : formats()) {
    if (has_suffix(*format, path)) return *format;
  }
  return tiff_format();
}

}  // namespace

std::span<const Format* const> formats() {
  static const std::array table{
      &tiff_format(),
      &png_format(),
      &jpeg_format(),
      &folder_format(),
  };
  return table;
}

const Format& format_of_input(const std::string& path) {
  const Format* found = recognizing(path, head_of(path, recognizing_bytes));
  return found != nullptr ? *found : format_by_suffix(path);
}

const Format& format_of_output(const std::string& path) {
  for (const Format* format : formats()) {
    if (format->create != nullptr && has_suffix(*format, path)) return *format;
  }
  if (ending_of(path).empty()) return tiff_format();
  std::string endings;
  for (const Format* format : formats()) {
    if (format->create == nullptr) continue;
    for (const std::string& suffix : format->suffixes) endings += (endings.empty() ? "" : " or ") + suffix;
  }
  throw std::invalid_argument(path + ": stacks are written as " + endings + ": give it a name that ends so");
}

std::unique_ptr<Stack> open_stack(const std::string& path, const OpenOptions& options) {
  const std::string head = head_of(path, recognizing_bytes);
  const Format* found = recognizing(path, head);
  std::error_code ignored;
  const bool is_there = std::filesystem::exists(path, ignored);
  if (is_there && (found == nullptr || is_store(path))) refuse_foreign(path, head);
  return (found != nullptr ? *found : format_by_suffix(path)).open(path, options);
}

std::unique_ptr<StackWriter> create_stack(const std::string& path, const WriterOptions& options) {
  return format_of_output(path).create(path, options);
}

std::unique_ptr<StackWriter> resume_stack(const std::string& path, const WriterOptions& options,
                                          const std::string& progress) {
  return format_of_output(path).resume(path, options, progress);
}

bool is_finished_stack(const std::string& path, std::int64_t depth, const std::string& progress) {
  return format_of_output(path).is_finished(path, depth, progress);
}

}  // namespace fibflow::io
