#include "io/tiff/tiff_end.h"

#include <tiff.h>

#include <algorithm>
#include <array>
#include <vector>

#include "io/error.h"
#include "io/tiff/tiff_page.h"

namespace fibflow::io {
namespace {

struct Piece {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint64_t end() const { return offset + bytes; }
};

/// How many of the piece's bytes, counted from its end, are zero.
std::uint64_t zeros_at_end(const TiffFile& file, const Piece& piece) {
  std::array<unsigned char, 64 << 10> buffer;
  std::uint64_t zeros = 0;
  while (zeros < piece.bytes) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), piece.bytes - zeros));
    if (file.read_at(piece.end() - zeros - wanted, buffer.data(), wanted) != wanted) return zeros;
    for (std::size_t i = wanted; i > 0; --i) {
      if (buffer[i - 1] != 0) return zeros + (wanted - i);
    }
    zeros += wanted;
  }
  return zeros;
}

/// What a writer that fills a file of full size leaves in the page's directory while it is not done; libtiff
/// would read such strips from the file's header, or guess how long they are.
void require_written(const TiffFile& file, const TiffDirectory& directory,
                     const std::vector<std::uint64_t>& starts, const std::vector<std::uint64_t>& sizes) {
  const auto refuse = [&](const std::string& reason) {
    throw Error(ErrorKind::bad_data, file.path(), reason);
  };
  const auto empty = [](std::uint64_t value) { return value == 0; };
  if (directory.find(0) != nullptr) refuse("the end of its directory is not written");
  if (starts.empty() || starts.size() != sizes.size()) refuse("does not say where its voxels are");
  if (std::any_of(starts.begin(), starts.end(), empty) || std::any_of(sizes.begin(), sizes.end(), empty)) {
    refuse("strips or tiles of it are missing");
  }
}

}  // namespace

/// Zeros at the end of the page's last strip or tile (only of the last one: an image that has a voxel there was
/// written to its end), or of the file.
std::uint64_t zero_end(const TiffFile& file) {
  const TiffPages pages = pages_of(file);
  std::size_t page = 0;
  while (page < pages.size() && pages[page].reduced) ++page;
  if (page == pages.size()) return 0;
  const TiffDirectory directory = file.directory(pages.offset(page));
  const bool tiled = directory.find(TIFFTAG_TILEOFFSETS) != nullptr;
  const auto values = [&](std::uint16_t tag) {
    const TiffEntry* entry = directory.find(tag);
    return entry == nullptr ? std::vector<std::uint64_t>() : file.integers(*entry, file.size());
  };
  const auto starts = values(tiled ? TIFFTAG_TILEOFFSETS : TIFFTAG_STRIPOFFSETS);
  const auto sizes = values(tiled ? TIFFTAG_TILEBYTECOUNTS : TIFFTAG_STRIPBYTECOUNTS);
  require_written(file, directory, starts, sizes);

  const auto last = static_cast<std::size_t>(std::max_element(starts.begin(), starts.end()) - starts.begin());
  const auto zeros = [&](const Piece& piece) {
    const std::uint64_t count = zeros_at_end(file, piece);
    // A tile at the image's edge ends in padding, whatever the image shows.
    return tiled && count < piece.bytes ? 0 : count;
  };
  // A directory ends in the place of a next one, after a value with leading zeros.
  constexpr std::uint64_t usual = 24;
  const std::uint64_t of_file = zeros_at_end(file, {0, file.size()});
  return std::max({zeros({starts[last], sizes[last]}), zeros({starts.back(), sizes.back()}),
                   of_file > usual ? of_file : 0});
}

}  // namespace fibflow::io
