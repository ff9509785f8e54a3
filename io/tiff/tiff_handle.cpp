#include "io/tiff/tiff_handle.h"

#include <tiffio.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <utility>

#include "io/error.h"

namespace fibflow::io {
namespace {

// What libtiff sees of a file: the whole of it, except that the header points at one chosen directory. So
// each page opens as the first one, and the chain of the others cannot fail it. (TIFFSetDirectory walks the
// chain for each page; TIFFSetSubDirectory walks it once per handle, too, and takes a broken chain for its
// end.)
struct PageView {
  const TiffFile* file = nullptr;
  std::array<unsigned char, 8> first_directory{};  // in the file's byte order
  std::uint64_t patch_at = 0;
  std::uint64_t patch_bytes = 0;
  std::uint64_t position = 0;
  std::exception_ptr failure;  // must not cross libtiff's C frames
  std::string error;
  std::string warning;
  bool decoding = false;
};

std::string formatted(const char* module, const char* format, va_list arguments) {
  std::array<char, 512> text{};
  std::vsnprintf(text.data(), text.size(), format, arguments);
  return module != nullptr && *module != '\0' ? std::string(module) + ": " + text.data() : text.data();
}

int keep_error(TIFF*, void* user, const char* module, const char* format, va_list arguments) {
  auto& view = *static_cast<PageView*>(user);
  // The first message is the cause, the later ones its consequences.
  if (view.error.empty()) view.error = formatted(module, format, arguments);
  return 1;
}

int keep_warning(TIFF*, void* user, const char* module, const char* format, va_list arguments) {
  auto& view = *static_cast<PageView*>(user);
  if (view.decoding && view.warning.empty()) view.warning = formatted(module, format, arguments);
  return 1;
}

tmsize_t read_proc(thandle_t handle, void* buffer, tmsize_t bytes) {
  auto& view = *static_cast<PageView*>(handle);
  try {
    const std::size_t got = view.file->read_at(view.position, buffer, static_cast<std::size_t>(bytes));
    for (std::uint64_t i = 0; i < view.patch_bytes; ++i) {
      const std::uint64_t at = view.patch_at + i;
      if (at >= view.position && at - view.position < got) {
        static_cast<unsigned char*>(buffer)[at - view.position] = view.first_directory[i];
      }
    }
    view.position += got;
    return static_cast<tmsize_t>(got);
  } catch (...) {
    view.failure = std::current_exception();
    return 0;
  }
}

tmsize_t no_write_proc(thandle_t, void*, tmsize_t) {
  return 0;
}

toff_t seek_proc(thandle_t handle, toff_t offset, int whence) {
  auto& view = *static_cast<PageView*>(handle);
  if (whence == SEEK_SET) view.position = offset;
  if (whence == SEEK_CUR) view.position += offset;
  if (whence == SEEK_END) view.position = view.file->size() + offset;
  return view.position;
}

int close_proc(thandle_t) {
  return 0;
}
toff_t size_proc(thandle_t handle) {
  return static_cast<PageView*>(handle)->file->size();
}

struct CloseTiff {
  void operator()(TIFF* tiff) const { TIFFClose(tiff); }
};

class PageHandle {
 public:
  PageHandle(const TiffFile& file, std::uint64_t directory_offset, const GrayLayout& layout) {
    view_.file = &file;
    view_.patch_at = file.is_big_tiff() ? 8 : 4;
    view_.patch_bytes = file.is_big_tiff() ? 8 : 4;
    const bool big_endian = file.is_foreign_order() != (std::endian::native == std::endian::big);
    for (std::uint64_t i = 0; i < view_.patch_bytes; ++i) {
      const std::uint64_t shift = 8 * (big_endian ? view_.patch_bytes - 1 - i : i);
      view_.first_directory[i] = static_cast<unsigned char>(directory_offset >> shift);
    }

    const std::unique_ptr<TIFFOpenOptions, decltype(&TIFFOpenOptionsFree)> options(TIFFOpenOptionsAlloc(),
                                                                                   &TIFFOpenOptionsFree);
    if (!options) throw std::bad_alloc();
    TIFFOpenOptionsSetErrorHandlerExtR(options.get(), keep_error, &view_);
    TIFFOpenOptionsSetWarningHandlerExtR(options.get(), keep_warning, &view_);
    // Nothing libtiff allocates is rightly larger than a slice, a large tile or the file's own bytes.
    const std::uint64_t limit =
        std::max<std::uint64_t>(layout.stored_bytes() + layout.stored_bytes() / 8, 64 << 20);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), static_cast<tmsize_t>(limit));
    largest_ = limit;
    // m: no memory map; a mapped file that shrinks would kill the process.
    tiff_.reset(TIFFClientOpenExt(file.path().c_str(), "rm", &view_, read_proc, no_write_proc, seek_proc,
                                  close_proc, size_proc, nullptr, nullptr, options.get()));
    if (!tiff_) fail("cannot be opened");
    check(layout);
  }

  void decode(const GrayLayout& layout, const Region& region, std::byte* voxels) {
    view_.decoding = true;
    if (TIFFIsTiled(tiff_.get()) != 0) {
      decode_tiles(layout, region, voxels);
    } else {
      decode_strips(layout, region, voxels);
    }
  }

  /// Beside the slice: a stored strip, or a stored and a decoded tile.
  std::size_t decoding_bytes() const { return decoding_bytes_; }

 private:
  [[noreturn]] void fail(const std::string& reason) const {
    if (view_.failure) std::rethrow_exception(view_.failure);
    throw std::runtime_error(view_.error.empty() ? reason : reason + " (" + view_.error + ")");
  }

  template <typename T>
  T field(std::uint32_t tag, T otherwise) const {
    T value = otherwise;
    if (TIFFGetFieldDefaulted(tiff_.get(), tag, &value) != 1) return otherwise;
    return value;
  }

  void check(const GrayLayout& layout) {
    TIFF* tiff = tiff_.get();
    // What libtiff understood must be what the raw fields said: voxels go into a buffer of that size.
    const auto width = field<std::uint32_t>(TIFFTAG_IMAGEWIDTH, 0);
    const auto height = field<std::uint32_t>(TIFFTAG_IMAGELENGTH, 0);
    const auto bits = field<std::uint16_t>(TIFFTAG_BITSPERSAMPLE, 0);
    const auto samples = field<std::uint16_t>(TIFFTAG_SAMPLESPERPIXEL, 0);
    compression_ = field<std::uint16_t>(TIFFTAG_COMPRESSION, COMPRESSION_NONE);
    if (width != static_cast<std::uint32_t>(layout.width) ||
        height != static_cast<std::uint32_t>(layout.height) || bits != layout.stored.bits ||
        samples != layout.stored.samples * layout.stored.planes) {
      fail("its fields contradict each other");
    }
    if (TIFFIsCODECConfigured(compression_) == 0) {
      fail("is compressed with " + compression_name(compression_) +
           ", which cannot be read here: save it again uncompressed, or with deflate or LZW");
    }
    const bool tiled = TIFFIsTiled(tiff) != 0;
    const std::uint64_t file_bytes = view_.file->size();
    const std::uint32_t pieces = tiled ? TIFFNumberOfTiles(tiff) : TIFFNumberOfStrips(tiff);
    const tmsize_t piece_bytes = tiled ? TIFFTileSize(tiff) : TIFFStripSize(tiff);
    const char* piece = tiled ? "tile " : "strip ";
    decoding_bytes_ = static_cast<std::size_t>(std::max<tmsize_t>(piece_bytes, 0)) * (tiled ? 2 : 1);
    if (pieces == 0 || piece_bytes <= 0) fail("has no voxels");
    if (static_cast<std::uint64_t>(piece_bytes) > largest_) {
      fail(std::string("claims a ") + piece + "of " + std::to_string(piece_bytes) +
           " bytes: the file is damaged");
    }
    if (!layout.stored.is_plain()) decoding_bytes_ += layout.stored_bytes();
    const auto planes = static_cast<std::uint32_t>(layout.stored.planes);
    if (pieces % planes != 0) fail("its fields contradict each other");
    pieces_of_plane_ = pieces / planes;
    const std::uint64_t row_bytes = layout.stored.row_bytes(layout.width);
    const auto rows_per_strip = std::min<std::uint64_t>(
        field<std::uint32_t>(TIFFTAG_ROWSPERSTRIP, 0xffffffffu), static_cast<std::uint64_t>(layout.height));
    std::uint64_t stored = 0;
    for (std::uint32_t i = 0; i < pieces; ++i) {
      int failed = 0;
      const std::uint64_t offset = TIFFGetStrileOffsetWithErr(tiff, i, &failed);
      const std::uint64_t count = failed ? 0 : TIFFGetStrileByteCountWithErr(tiff, i, &failed);
      if (failed != 0) fail(std::string("cannot find ") + piece + std::to_string(i));
      if (offset >= file_bytes || count > file_bytes - offset) {
        fail(piece + std::to_string(i) + " of " + std::to_string(pieces) + " ends at byte " +
             std::to_string(offset + count) + ", but the file has only " + std::to_string(file_bytes) +
             ": it is truncated or damaged");
      }
      if (count == 0) fail(piece + std::to_string(i) + " of " + std::to_string(pieces) + " is empty");
      if (compression_ == COMPRESSION_NONE) {
        // libtiff would read on past a short strip, into whatever follows it.
        const std::uint64_t rows = std::min(
            rows_per_strip,
            layout.height - std::min<std::uint64_t>(layout.height, i % pieces_of_plane_ * rows_per_strip));
        const std::uint64_t wanted = tiled ? static_cast<std::uint64_t>(piece_bytes) : rows * row_bytes;
        if (count < wanted) {
          fail(piece + std::to_string(i) + " of " + std::to_string(pieces) + " has " + std::to_string(count) +
               " bytes instead of " + std::to_string(wanted));
        }
      }
      stored += count;
    }
    // Strips may share bytes, but not so that the file grows.
    stored = std::min(stored, file_bytes);
    if (layout.stored_bytes() / largest_expansion(compression_) > stored) {
      fail("claims " + std::to_string(layout.stored_bytes()) + " bytes of voxels, which its " +
           std::to_string(stored) + " stored bytes cannot hold: the file is damaged");
    }
  }

  void refuse_damage(const char* piece, std::uint32_t index) const {
    // A decoder that warns has made voxels up: a JPEG that ends early is filled with gray. The exception is a
    // note on a known old dialect of LZW.
    if (view_.warning.empty() || view_.warning.find("Old-style LZW") != std::string::npos) return;
    fail("cannot decode " + std::string(piece) + std::to_string(index) + " (" + view_.warning + ")");
  }

  /// voxels: of the region, whose rows are row_bytes apart. A strip that lies in it is decoded into its place.
  void decode_strips(const GrayLayout& layout, const Region& region, std::byte* voxels) {
    TIFF* tiff = tiff_.get();
    const std::size_t strip_row = layout.stored.row_bytes(layout.width);
    const std::size_t row_bytes = layout.stored.row_bytes(region.x.size());
    const std::uint32_t first_strip = pieces_of_plane_ * static_cast<std::uint32_t>(layout.stored.plane);
    const auto rows_per_strip =
        std::min<std::int64_t>(field<std::uint32_t>(TIFFTAG_ROWSPERSTRIP, 0xffffffffu), layout.height);
    if (rows_per_strip == 0) fail("claims strips of no rows");
    std::unique_ptr<std::byte[]> buffer;
    for (std::int64_t strip = region.y.begin / rows_per_strip; strip * rows_per_strip < region.y.end;
         ++strip) {
      const std::int64_t first = strip * rows_per_strip;
      const std::int64_t last = std::min<std::int64_t>(first + rows_per_strip, layout.height);
      const auto wanted = static_cast<tmsize_t>(static_cast<std::size_t>(last - first) * strip_row);
      const bool in_place = row_bytes == strip_row && first >= region.y.begin && last <= region.y.end;
      if (!in_place && !buffer) {
        buffer =
            std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(rows_per_strip) * strip_row);
      }
      std::byte* to =
          in_place ? voxels + static_cast<std::size_t>(first - region.y.begin) * row_bytes : buffer.get();
      if (TIFFReadEncodedStrip(tiff, first_strip + static_cast<std::uint32_t>(strip), to, wanted) != wanted)
        fail("cannot decode strip " + std::to_string(strip));
      refuse_damage("strip ", static_cast<std::uint32_t>(strip));
      if (in_place) continue;
      const Region piece{{first, last}, {0, layout.width}};
      copy_common(piece, buffer.get(), strip_row, region, voxels, layout.stored);
    }
  }

  void decode_tiles(const GrayLayout& layout, const Region& region, std::byte* voxels) {
    TIFF* tiff = tiff_.get();
    const std::int64_t tile_width = field<std::uint32_t>(TIFFTAG_TILEWIDTH, 0);
    const std::int64_t tile_height = field<std::uint32_t>(TIFFTAG_TILELENGTH, 0);
    const tmsize_t tile_bytes = TIFFTileSize(tiff);
    if (tile_width == 0 || tile_height == 0 ||
        static_cast<std::uint64_t>(tile_bytes) !=
            layout.stored.row_bytes(tile_width) * static_cast<std::uint64_t>(tile_height)) {
      fail("claims tiles of " + std::to_string(tile_width) + " x " + std::to_string(tile_height) + " voxels");
    }
    const auto tile = std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(tile_bytes));
    for (std::int64_t y = region.y.begin / tile_height * tile_height; y < region.y.end; y += tile_height) {
      for (std::int64_t x = region.x.begin / tile_width * tile_width; x < region.x.end; x += tile_width) {
        const std::uint32_t index =
            TIFFComputeTile(tiff, static_cast<std::uint32_t>(x), static_cast<std::uint32_t>(y), 0,
                            static_cast<std::uint16_t>(layout.stored.plane));
        if (TIFFReadEncodedTile(tiff, index, tile.get(), tile_bytes) != tile_bytes) {
          fail("cannot decode tile " + std::to_string(index));
        }
        refuse_damage("tile ", index);
        copy_common({{y, y + tile_height}, {x, x + tile_width}}, tile.get(),
                    layout.stored.row_bytes(tile_width), region, voxels, layout.stored);
      }
    }
  }

  /// Copies what a decoded piece and the region have in common. Pieces begin with whole bytes, and so does the region.
  static void copy_common(const Region& piece, const std::byte* from, std::size_t from_row,
                          const Region& region, std::byte* to, const SampleForm& form) {
    const Interval x{std::max(piece.x.begin, region.x.begin), std::min(piece.x.end, region.x.end)};
    const Interval y{std::max(piece.y.begin, region.y.begin), std::min(piece.y.end, region.y.end)};
    const std::size_t to_row = form.row_bytes(region.x.size());
    for (std::int64_t row = y.begin; row < y.end; ++row) {
      std::memcpy(to + static_cast<std::size_t>(row - region.y.begin) * to_row +
                      form.row_bytes(x.begin - region.x.begin),
                  from + static_cast<std::size_t>(row - piece.y.begin) * from_row +
                      form.row_bytes(x.begin - piece.x.begin),
                  form.row_bytes(x.size()));
    }
  }

  PageView view_;
  std::unique_ptr<TIFF, CloseTiff> tiff_;
  std::uint64_t largest_ = 0;
  std::uint32_t pieces_of_plane_ = 0;  // strips or tiles
  std::size_t decoding_bytes_ = 0;
  std::uint16_t compression_ = COMPRESSION_NONE;
};

}  // namespace

void apply_layout(const GrayLayout& layout, std::byte* voxels) {
  const std::size_t bytes = layout.size_bytes();
  if (layout.inverted) {
    // In any unsigned type, maximum - v is v with every bit turned.
    for (std::size_t i = 0; i < bytes; ++i) voxels[i] = ~voxels[i];
  }
  if (!layout.palette.empty()) {
    for (std::size_t i = 0; i < bytes; ++i) {
      voxels[i] = static_cast<std::byte>(layout.palette[std::to_integer<std::size_t>(voxels[i])]);
    }
  }
}

Interval stored_columns(const GrayLayout& layout, const Region& region) {
  return layout.stored.is_packed() ? Interval{0, layout.width} : region.x;
}

Slice decode_page(const TiffFile& file, std::uint64_t directory_offset, const GrayLayout& layout,
                  std::int64_t z) {
  return decode_region(file, directory_offset, layout, z, {{0, layout.height}, {0, layout.width}});
}

Slice decode_region(const TiffFile& file, std::uint64_t directory_offset, const GrayLayout& layout,
                    std::int64_t z, const Region& region) {
  GrayLayout part = layout;
  part.height = static_cast<int>(region.y.size());
  part.width = static_cast<int>(region.x.size());
  auto voxels = std::make_shared_for_overwrite<std::byte[]>(part.size_bytes());
  PageHandle page(file, directory_offset, layout);
  if (layout.stored.is_plain()) {
    page.decode(layout, region, voxels.get());
    apply_layout(part, voxels.get());
  } else {
    const Region stored{region.y, stored_columns(layout, region)};
    const std::size_t row = layout.stored.row_bytes(stored.x.size());
    const auto buffer =
        std::make_unique_for_overwrite<std::byte[]>(row * static_cast<std::size_t>(region.y.size()));
    page.decode(layout, stored, buffer.get());
    convert_samples(layout.conversion(), buffer.get(), stored.x.begin, row, region, voxels.get());
  }
  return Slice(z, part.height, part.width, layout.type, std::move(voxels));
}

std::size_t check_page(const TiffFile& file, std::uint64_t directory_offset, const GrayLayout& layout) {
  return PageHandle(file, directory_offset, layout).decoding_bytes();
}

}  // namespace fibflow::io
