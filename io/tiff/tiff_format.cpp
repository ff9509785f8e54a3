#include "io/tiff/tiff_format.h"

#include <array>

#include "io/error.h"
#include "io/tiff/tiff_stack.h"
#include "io/tiff/tiff_writer.h"

namespace fibflow::io {
namespace {

using namespace std::string_view_literals;

bool recognizes(const std::string&, std::string_view head) {
  constexpr std::array headers{"II*\0"sv, "MM\0*"sv, "II+\0"sv, "MM\0+"sv};
  for (const std::string_view header : headers) {
    if (head.starts_with(header)) return true;
  }
  return false;
}

std::unique_ptr<Stack> open(const std::string& path, const OpenOptions& options) {
  return std::make_unique<TiffStack>(path, false, options);
}

std::unique_ptr<StackWriter> create(const std::string& path, const WriterOptions& options) {
  return std::make_unique<TiffWriter>(path, options);
}

std::unique_ptr<StackWriter> resume(const std::string& path, const WriterOptions& options,
                                    const std::string& progress) {
  if (progress.empty()) return std::make_unique<TiffWriter>(path, options, TiffProgress{});
  const auto from = TiffProgress::parse(progress);
  if (!from)
    throw Error(ErrorKind::bad_data, path, "how far it was written is not known: '" + progress + "'");
  return std::make_unique<TiffWriter>(path, options, *from);
}

bool is_complete(const std::string& path, std::int64_t depth, const std::string& progress) {
  const auto from = TiffProgress::parse(progress);
  return from && from->slices == depth && is_finished(path, *from);
}

}  // namespace

const Format& tiff_format() {
  static const Format format{"TIFF", {".tif", ".tiff"}, recognizes, open, create, resume, is_complete};
  return format;
}

}  // namespace fibflow::io
