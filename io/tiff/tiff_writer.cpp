#include "io/tiff/tiff_writer.h"

#include <tiffio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "io/error.h"
#include "io/files/atomic_file.h"
#include "io/files/file_identity.h"
#include "io/files/file_mark.h"
#include "io/files/running_hash.h"
#include "io/tiff/encoded_page.h"
#include "io/tiff/tiff_file.h"
#include "io/tiff/tiff_sink.h"

namespace fibflow::io {
namespace {

constexpr std::size_t strip_bytes = 256 << 10;

// The shortest decimal that reads back as the same number, whatever the locale.
std::string decimal(double value) {
  std::array<char, 32> text{};
  const auto result = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), result.ptr};
}

// ImageJ parses its description as Java properties: one value is one line, and a backslash starts an escape.
std::string escaped(const std::string& text) {
  std::string line;
  for (const char c : text) {
    if (c == '\\') {
      line += "\\\\";
    } else if (c == '\n') {
      line += "\\n";
    } else if (c == '\r') {
      line += "\\r";
    } else if (c != '\0') {
      line += c;
    }
  }
  return line;
}

bool has_scale(const VoxelSize& nm) {
  return nm.x > 0 && nm.y > 0;
}

std::string describe(const WriterOptions& options) {
  std::string text = "ImageJ=1.53t\n";
  const std::string depth = std::to_string(options.depth);
  if (options.depth > 1) {
    // In an uncompressed file ImageJ takes "images" to mean that the voxels of all slices follow the first
    // ones without directories between.
    if (options.compression != Compression::none) text += "images=" + depth + "\n";
    text += "slices=" + depth + "\n";
  }
  if (has_scale(options.voxel_nm)) {
    text += "unit=nm\n";
    if (options.voxel_nm.z > 0) text += "spacing=" + decimal(options.voxel_nm.z) + "\n";
  }
  text += "loop=false\n";
  if (!options.description.empty()) text += "fibflow=" + escaped(options.description) + "\n";
  return text;
}

// Whether 32-bit offsets could run out: voxels that do not compress grow by less than 1 %, and each slice
// adds its directory and the offsets of its strips.
bool needs_big_tiff(const WriterOptions& options, const StripLayout& layout) {
  if (options.depth <= 0) return true;
  const double voxels =
      static_cast<double>(layout.height) * layout.width * static_cast<double>(bytes_per_voxel(layout.type));
  const double strips = voxels / strip_bytes + layout.height;
  const double per_slice = voxels * 1.01 + 512 + 16 * strips;
  constexpr double margin = 16 << 20;
  return per_slice * static_cast<double>(options.depth) + static_cast<double>(options.description.size()) >
         4294967295.0 - margin;
}

std::uint16_t scheme(Compression compression) {
  switch (compression) {
    case Compression::none:
      return COMPRESSION_NONE;
    case Compression::deflate:
      return COMPRESSION_ADOBE_DEFLATE;
    case Compression::zstd:
      return COMPRESSION_ZSTD;
  }
  throw std::logic_error("TiffWriter: not a compression");
}

}  // namespace

std::string TiffProgress::text() const {
  return std::to_string(slices) + " " + std::to_string(length) + " " + std::to_string(inode) + " " +
         std::to_string(hash);
}

std::optional<TiffProgress> TiffProgress::parse(const std::string& text) {
  TiffProgress progress;
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto number = [&](auto& value, bool last) {
    const auto [after, error] = std::from_chars(at, end, value);
    if (error != std::errc() || (last ? after != end : after == end || *after != ' ')) return false;
    at = last ? after : after + 1;
    return true;
  };
  if (!number(progress.slices, false) || !number(progress.length, false) || !number(progress.inode, false) ||
      !number(progress.hash, true) || progress.slices < 0)
    return std::nullopt;
  return progress;
}

struct TiffWriter::State {
  State(std::string path, WriterOptions given)
      : options(std::move(given)), file(std::move(path), options.overwrite) {
    sink.descriptor = file.descriptor();
  }
  State(std::string path, WriterOptions given, const TiffProgress& from)
      : options(std::move(given)),
        file(std::move(path), options.overwrite, ResumeAt{from.slices > 0 ? from.length : 0}),
        hash(std::in_place) {
    sink.descriptor = file.descriptor();
    if (from.slices > 0) go_on(from);
  }
  ~State() { close(); }

  void go_on(const TiffProgress& from);
  void add_to_hash(std::uint64_t begin, std::uint64_t end);
  void verify(const TiffProgress& from, const std::vector<std::uint64_t>& links, std::size_t link_bytes);
  [[noreturn]] void refuse(const std::string& what) const;
  void open(const StripLayout& layout);
  void close() {
    if (tiff != nullptr) TIFFClose(std::exchange(tiff, nullptr));
  }
  StripLayout layout_of(int slice_height, int slice_width, PixelType slice_type) const;
  void set_fields(const StripLayout& layout);
  void begin(const StripLayout& layout);
  void end();
  /// tifffile takes two uncompressed pages with ImageJ's description for ImageJ's own form, voxels in one run after the first
  /// directory, unless those of the first page do not fit their strips exactly.
  bool may_be_two() const {
    return options.compression == Compression::none && (options.depth == 2 || options.depth <= 0);
  }
  bool first_of_two() const { return may_be_two() && written == 0; }
  [[noreturn]] void fail() const;

  WriterOptions options;
  AtomicFile file;
  TiffSink sink;
  TIFF* tiff = nullptr;
  int height = 0;  // of the first slice, as width and type
  int width = 0;
  PixelType type = PixelType::u8;
  std::int64_t written = 0;
  std::uint64_t length = 0;         // of the file with these slices
  std::optional<RunningHash> hash;  // of a resumable file
  bool failed = false;
};

void TiffWriter::State::fail() const {
  if (sink.failure != 0) {
    throw Error(ErrorKind::read_write, file.path(),
                std::string("cannot be written: ") + std::strerror(sink.failure), sink.failure);
  }
  throw Error(
      ErrorKind::read_write, file.path(),
      "cannot be written: " + (sink.error.empty() ? std::string("libtiff gives no reason") : sink.error));
}

/// Ends the chain of directories after the slices that count, and learns what they are like.
void TiffWriter::State::go_on(const TiffProgress& from) {
  const TiffFile before(file.partial());
  const TiffDirectory first = before.directory(before.first_directory());
  TiffDirectory last = first;
  std::vector<std::uint64_t> links{first.next_position};
  for (std::int64_t n = 1; n < from.slices; ++n) {
    last = before.directory(last.next);
    links.push_back(last.next_position);
  }
  const std::size_t bytes = before.is_big_tiff() ? 8 : 4;
  verify(from, links, bytes);
  // What came after the last one may have been tied to it already.
  const std::array<char, 8> none{};
  if (::pwrite(sink.descriptor, none.data(), bytes, static_cast<off_t>(last.next_position)) !=
      static_cast<ssize_t>(bytes)) {
    sink.failure = errno;
    fail();
  }
  const auto value = [&](std::uint16_t tag) {
    const TiffEntry* found = first.find(tag);
    return found == nullptr ? 0 : before.last_integer(*found).value_or(0);
  };
  height = static_cast<int>(value(TIFFTAG_IMAGELENGTH));
  width = static_cast<int>(value(TIFFTAG_IMAGEWIDTH));
  const std::uint64_t bits = value(TIFFTAG_BITSPERSAMPLE);
  type = bits == 8 ? PixelType::u8 : bits == 16 ? PixelType::u16 : PixelType::f32;
  written = from.slices;
  length = from.length;
  sink.end = from.length;
}

/// Adds a part of the file as it was when its last page was done.
void TiffWriter::State::add_to_hash(std::uint64_t begin, std::uint64_t end) {
  constexpr std::uint64_t most = 1 << 20;
  std::vector<char> part;
  TiffSink reading{sink.descriptor, begin, 0, 0, {}};  // libtiff knows where its own one stands
  while (reading.position < end) {
    part.resize(std::min(end - reading.position, most));
    const std::size_t got = reading.read(part.data(), part.size());
    if (reading.failure != 0) {
      sink.failure = reading.failure;
      fail();
    }
    if (got != part.size()) refuse("is cut short");
    hash->add(part.data(), part.size());
  }
}

/// What was written before must be what it was. links: where directories name their next one, which none of them did then.
void TiffWriter::State::verify(const TiffProgress& from, const std::vector<std::uint64_t>& links,
                               std::size_t link_bytes) {
  const std::array<char, 8> none{};
  std::uint64_t begin = 0;
  for (const std::uint64_t link : links) {
    if (link < begin || link + link_bytes > from.length) refuse("is damaged");
    add_to_hash(begin, link);
    hash->add(none.data(), link_bytes);
    begin = link + link_bytes;
  }
  add_to_hash(begin, from.length);
  if (hash->value() != from.hash) refuse("is damaged");
}

void TiffWriter::State::refuse(const std::string& what) const {
  throw Error(ErrorKind::bad_data, file.path(),
              "what was written of it before (" + file.partial() + ") " + what);
}

void TiffWriter::State::open(const StripLayout& layout) {
  tiff = sink.open(file.path(), written > 0 ? "a" : needs_big_tiff(options, layout) ? "w8" : "w4");
  if (tiff == nullptr) fail();
}

/// How a slice of this shape is stored as the next page.
StripLayout TiffWriter::State::layout_of(int slice_height, int slice_width, PixelType slice_type) const {
  const std::size_t row_bytes = static_cast<std::size_t>(slice_width) * bytes_per_voxel(slice_type);
  const auto all_rows = static_cast<std::size_t>(slice_height);
  // Three strips: of two that are short, ImageJ reads the lengths wrong.
  const std::size_t most_rows = may_be_two() ? (all_rows + 2) / 3 : all_rows;
  const std::size_t rows = std::clamp<std::size_t>(strip_bytes / row_bytes, 1, most_rows);
  // ImageJ undoes a predictor only of LZW and shows deflated differences as they are, and Bio-Formats knows no float
  // predictor. Masks compress as well without; whoever asks for zstd has given up on ImageJ's own reader.
  const bool predicts = options.compression == Compression::zstd && slice_type != PixelType::f32;
  return {slice_height,
          slice_width,
          slice_type,
          static_cast<std::uint32_t>(rows),
          scheme(options.compression),
          predicts ? PREDICTOR_HORIZONTAL : PREDICTOR_NONE};
}

void TiffWriter::State::set_fields(const StripLayout& layout) {
  const bool is_float = layout.type == PixelType::f32;
  bool good = true;
  const auto set = [&](std::uint32_t tag, auto value) { good = good && TIFFSetField(tiff, tag, value) == 1; };
  set(TIFFTAG_IMAGEWIDTH, static_cast<std::uint32_t>(layout.width));
  set(TIFFTAG_IMAGELENGTH, static_cast<std::uint32_t>(layout.height));
  set(TIFFTAG_BITSPERSAMPLE, static_cast<int>(8 * bytes_per_voxel(layout.type)));
  set(TIFFTAG_SAMPLESPERPIXEL, 1);
  set(TIFFTAG_SAMPLEFORMAT, is_float ? SAMPLEFORMAT_IEEEFP : SAMPLEFORMAT_UINT);
  set(TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
  set(TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
  set(TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
  set(TIFFTAG_ROWSPERSTRIP, layout.rows_per_strip);
  set(TIFFTAG_COMPRESSION, layout.compression);
  if (layout.predictor != PREDICTOR_NONE) set(TIFFTAG_PREDICTOR, layout.predictor);
  // libtiff's own default (9) takes twice as long for a few percent.
  if (options.compression == Compression::zstd) set(TIFFTAG_ZSTD_LEVEL, 3);
  if (has_scale(options.voxel_nm)) {
    // ImageJ's convention: voxels per unit of its description.
    set(TIFFTAG_RESOLUTIONUNIT, RESUNIT_NONE);
    set(TIFFTAG_XRESOLUTION, 1 / options.voxel_nm.x);
    set(TIFFTAG_YRESOLUTION, 1 / options.voxel_nm.y);
  }
  if (written == 0) {
    set(TIFFTAG_SOFTWARE, "fibflow " FIBFLOW_VERSION);
    set(TIFFTAG_IMAGEDESCRIPTION, describe(options).c_str());
  }
  if (!good) fail();
}

namespace {

void check(const std::string& path, const WriterOptions& options) {
  if (options.depth < 0) throw std::invalid_argument("TiffWriter: depth is negative");
  if (TIFFIsCODECConfigured(scheme(options.compression)) == 0) {
    throw Error(ErrorKind::cannot_create, path, "libtiff here cannot write this compression");
  }
}

}  // namespace

TiffWriter::TiffWriter(std::string path, WriterOptions options, const TiffProgress& from) {
  check(path, options);
  state_ = std::make_unique<State>(std::move(path), std::move(options), from);
}

TiffWriter::TiffWriter(std::string path, WriterOptions options) {
  check(path, options);
  state_ = std::make_unique<State>(std::move(path), std::move(options));
}

TiffWriter::~TiffWriter() = default;

/// Everything of the next page but its voxels. Until end(), nothing can follow.
void TiffWriter::State::begin(const StripLayout& layout) {
  if (failed) throw std::logic_error("TiffWriter: written to after a failure");
  if (options.depth > 0 && written == options.depth) {
    throw std::invalid_argument("TiffWriter: more slices than the " + std::to_string(options.depth) +
                                " announced");
  }
  if (written > 0 && (layout.height != height || layout.width != width || layout.type != type)) {
    throw std::invalid_argument("TiffWriter: slice " + std::to_string(written) + " has " +
                                std::to_string(layout.height) + " x " + std::to_string(layout.width) + " " +
                                name_of(layout.type) + " voxels, the first one " + std::to_string(height) +
                                " x " + std::to_string(width) + " " + name_of(type));
  }
  failed = true;
  if (tiff == nullptr) open(layout);
  if (written == 0) {
    height = layout.height;
    width = layout.width;
    type = layout.type;
  }
  set_fields(layout);
}

void TiffWriter::State::end() {
  if (TIFFWriteDirectory(tiff) != 1 || sink.failure != 0) fail();
  ++written;
  if (hash) add_to_hash(length, sink.end);
  length = sink.end;
  failed = false;
}

void TiffWriter::write(const Slice& slice) {
  State& state = *state_;
  if (slice.data() == nullptr) throw std::invalid_argument("TiffWriter: an empty slice");
  state.begin(state.layout_of(slice.height(), slice.width(), slice.type()));
  const auto bytes = static_cast<tmsize_t>(slice.size_bytes());
  const tmsize_t strip = TIFFStripSize(state.tiff);
  for (tmsize_t at = 0, index = 0; at < bytes; at += strip, ++index) {
    if (state.first_of_two() && index > 0 && at + strip >= bytes) {
      std::vector<std::byte> longer(slice.data() + at, slice.data() + bytes);
      longer.resize(longer.size() + 2);
      if (TIFFWriteRawStrip(state.tiff, static_cast<std::uint32_t>(index), longer.data(),
                            static_cast<tmsize_t>(longer.size())) < 0) {
        state.fail();
      }
      break;
    }
    // libtiff does not write to the voxels: in native byte order the predictor works on a copy.
    void* data = const_cast<std::byte*>(slice.data()) + at;
    if (TIFFWriteEncodedStrip(state.tiff, static_cast<std::uint32_t>(index), data,
                              std::min(strip, bytes - at)) < 0) {
      state.fail();
    }
  }
  state.end();
}

bool TiffWriter::copy(const std::string& file) {
  State& state = *state_;
  const auto page = read_encoded_page(file);
  if (!page || state.may_be_two()) return false;
  const StripLayout& theirs = page->layout;
  if (theirs != state.layout_of(theirs.height, theirs.width, theirs.type)) return false;
  state.begin(theirs);
  for (std::size_t i = 0; i < page->strips.size(); ++i) {
    const std::vector<std::byte>& bytes = page->strips[i];
    // libtiff does not write to what it is given.
    if (TIFFWriteRawStrip(state.tiff, static_cast<std::uint32_t>(i), const_cast<std::byte*>(bytes.data()),
                          static_cast<tmsize_t>(bytes.size())) < 0) {
      state.fail();
    }
  }
  state.end();
  return true;
}

std::string TiffWriter::progress() const {
  return TiffProgress{state_->written, state_->length, state_->file.inode(),
                      state_->hash ? state_->hash->value() : 0}
      .text();
}

void TiffWriter::sync() {
  state_->file.sync();
}

void TiffWriter::keep() {
  state_->file.keep();
}

void TiffWriter::finish() {
  State& state = *state_;
  if (state.failed) throw std::logic_error("TiffWriter: finished after a failure");
  if (state.written == 0) throw std::logic_error("TiffWriter: finished without a slice");
  if (state.options.depth > 0 && state.written != state.options.depth) {
    throw std::logic_error("TiffWriter: finished after " + std::to_string(state.written) + " of " +
                           std::to_string(state.options.depth) + " slices");
  }
  state.failed = true;  // finished or not, nothing can follow
  state.close();
  if (state.sink.failure != 0) state.fail();
  if (!state.options.mark.empty()) {
    state.file.sync();
    mark_file(state.file.descriptor(), state.options.mark);
  }
  state.file.commit();
}

bool is_finished(const std::string& path, const TiffProgress& progress) {
  const auto file = identify(path);
  return file && file->inode == progress.inode && file->size == progress.length;
}

}  // namespace fibflow::io
