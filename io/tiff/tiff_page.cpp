#include "io/tiff/tiff_page.h"

#include <tiff.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <stdexcept>
#include <unordered_set>
#include <utility>

#include "io/error.h"

namespace fibflow::io {
namespace {

std::string size_text(std::uint64_t width, std::uint64_t height) {
  return std::to_string(width) + " x " + std::to_string(height) + " voxels";
}

std::string samples_text(std::uint64_t bits, std::uint64_t format) {
  const char* kind = format == SAMPLEFORMAT_UINT            ? "unsigned"
                     : format == SAMPLEFORMAT_INT           ? "signed"
                     : format == SAMPLEFORMAT_IEEEFP        ? "float"
                     : format == SAMPLEFORMAT_VOID          ? "untyped"
                     : format == SAMPLEFORMAT_COMPLEXINT    ? "complex integer"
                     : format == SAMPLEFORMAT_COMPLEXIEEEFP ? "complex float"
                                                            : "unknown";
  return std::to_string(bits) + "-bit " + kind;
}

std::string photometric_name(std::uint64_t photometric) {
  switch (photometric) {
    case PHOTOMETRIC_MINISWHITE:
      return "min-is-white";
    case PHOTOMETRIC_MINISBLACK:
      return "min-is-black";
    case PHOTOMETRIC_RGB:
      return "RGB colour";
    case PHOTOMETRIC_PALETTE:
      return "palette colour";
    case PHOTOMETRIC_MASK:
      return "transparency mask";
    case PHOTOMETRIC_SEPARATED:
      return "CMYK colour";
    case PHOTOMETRIC_YCBCR:
      return "YCbCr colour";
    case PHOTOMETRIC_CIELAB:
    case PHOTOMETRIC_ICCLAB:
    case PHOTOMETRIC_ITULAB:
      return "L*a*b* colour";
    case PHOTOMETRIC_CFA:
      return "colour filter array";
    case PHOTOMETRIC_LOGL:
      return "log-encoded luminance";
    case PHOTOMETRIC_LOGLUV:
      return "log-encoded colour";
    default:
      return "photometric interpretation " + std::to_string(photometric);
  }
}

struct GrayRamp {
  std::vector<std::uint8_t> brightness;
  int colours = 0;  // entries that are not the gray of their own number
};

// Nothing if the page has no palette of 256 entries.
std::optional<GrayRamp> read_ramp(const TiffFile& file, const TiffDirectory& directory) {
  constexpr std::size_t entries = 3 * std::size_t{256};
  const TiffEntry* map = directory.find(TIFFTAG_COLORMAP);
  if (map == nullptr || map->count != entries) return std::nullopt;
  const auto values = file.integers(*map, entries);
  if (values.size() != entries) return std::nullopt;
  // 16-bit values; old writers forgot to scale theirs.
  const bool scaled = *std::max_element(values.begin(), values.end()) > 255;
  GrayRamp ramp;
  for (std::size_t i = 0; i < 256; ++i) {
    const auto channel = [&](std::size_t c) { return values[256 * c + i] >> (scaled ? 8 : 0); };
    if (channel(0) == i && channel(1) == i && channel(2) == i) {
      ramp.brightness.push_back(static_cast<std::uint8_t>(i));
      continue;
    }
    ++ramp.colours;
    // Luma of ITU-R BT.601.
    ramp.brightness.push_back(
        static_cast<std::uint8_t>((299 * channel(0) + 587 * channel(1) + 114 * channel(2) + 500) / 1000));
  }
  return ramp;
}

// Where the last strip or tile ends, from the last values of two fields.
std::uint64_t end_of_voxels(const TiffFile& file, const TiffDirectory& directory) {
  const bool tiled = directory.find(TIFFTAG_TILEOFFSETS) != nullptr;
  const TiffEntry* offsets = directory.find(tiled ? TIFFTAG_TILEOFFSETS : TIFFTAG_STRIPOFFSETS);
  const TiffEntry* counts = directory.find(tiled ? TIFFTAG_TILEBYTECOUNTS : TIFFTAG_STRIPBYTECOUNTS);
  if (offsets == nullptr || counts == nullptr) return 0;
  const auto offset = file.last_integer(*offsets);
  const auto count = file.last_integer(*counts);
  if (!offset || !count) return 0;
  return *offset > UINT64_MAX - *count ? UINT64_MAX : *offset + *count;
}

/// Names the first page that is visited twice.
[[noreturn]] void refuse_loop(const TiffFile& file, const TiffPages& pages) {
  std::unordered_set<std::uint64_t> seen;
  std::size_t page = 0;
  while (page < pages.size() && seen.insert(pages.offset(page)).second) ++page;
  throw Error(
      ErrorKind::bad_data, file.path(),
      "page " + std::to_string(page + 1) + ": the chain of pages runs in a loop: the file is damaged");
}

}  // namespace

TiffPage TiffPage::of(const TiffFile& file, const TiffDirectory& directory) {
  const auto value = [&](std::uint16_t tag, std::uint64_t otherwise) {
    const TiffEntry* entry = directory.find(tag);
    if (entry == nullptr) return otherwise;
    const auto values = file.integers(*entry, 1);
    return values.empty() ? otherwise : values[0];
  };
  TiffPage page;
  page.offset = directory.offset;
  page.width = value(TIFFTAG_IMAGEWIDTH, 0);
  page.height = value(TIFFTAG_IMAGELENGTH, 0);
  page.bits = value(TIFFTAG_BITSPERSAMPLE, 1);
  page.samples = value(TIFFTAG_SAMPLESPERPIXEL, 1);
  page.planar = value(TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) == PLANARCONFIG_SEPARATE && page.samples > 1;
  if (const TiffEntry* extra = directory.find(TIFFTAG_EXTRASAMPLES)) page.extra_samples = extra->count;
  page.depth = value(TIFFTAG_IMAGEDEPTH, 1);
  page.sample_format = value(TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_UINT);
  page.photometric = value(TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
  page.compression = value(TIFFTAG_COMPRESSION, COMPRESSION_NONE);
  page.orientation = value(TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
  page.voxels_end = end_of_voxels(file, directory);
  const std::uint64_t subfile = value(TIFFTAG_SUBFILETYPE, 0);
  page.reduced = (subfile & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK)) != 0 ||
                 value(TIFFTAG_OSUBFILETYPE, OFILETYPE_IMAGE) == OFILETYPE_REDUCEDIMAGE;
  return page;
}

void TiffPages::add(const TiffPage& page) {
  TiffPage kind = page;
  kind.offset = kind.voxels_end = 0;
  // Of a file in which all differ, not each one is compared with each.
  constexpr std::size_t compared = 8;
  const std::size_t first = kinds_.size() > compared ? kinds_.size() - compared : 0;
  std::size_t found = first;
  while (found < kinds_.size() && kinds_[found] != kind) ++found;
  if (found == kinds_.size()) kinds_.push_back(kind);
  kind_.push_back(static_cast<std::uint32_t>(found));
  offsets_.push_back(page.offset);
  ends_.push_back(page.voxels_end);
}

TiffPage TiffPages::operator[](std::size_t i) const {
  TiffPage page = kinds_[kind_[i]];
  page.offset = offsets_[i];
  page.voxels_end = ends_[i];
  return page;
}

TiffPages pages_of(const TiffFile& file) {
  TiffPages pages;
  std::uint64_t offset = file.first_directory();
  // A loop is found where the chain comes back to a page that is remembered: a later one each time that so many more were
  // visited (Brent 1980).
  std::uint64_t remembered = 0;
  std::size_t next_to_remember = 1;
  while (offset != 0) {
    const std::string which = "page " + std::to_string(pages.size() + 1);
    if (offset == remembered) refuse_loop(file, pages);
    if (pages.size() == next_to_remember) {
      remembered = offset;
      next_to_remember *= 2;
    }
    TiffDirectory directory;
    try {
      directory = file.directory(offset);
    } catch (const Error& error) {
      // what() already starts with the path; the page belongs between the two.
      throw Error(error.kind(), file.path(), which + ": " + (error.what() + file.path().size() + 2));
    }
    pages.add(TiffPage::of(file, directory));
    offset = directory.next;
  }
  return pages;
}

std::size_t GrayLayout::size_bytes() const {
  return static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * bytes_per_voxel(type);
}

std::size_t GrayLayout::stored_bytes() const {
  return static_cast<std::size_t>(height) * stored.row_bytes(width);
}

namespace {

/// Which of several samples are read. Throws std::runtime_error if that is not known.
void choose_samples(const TiffPage& page, const OpenOptions& options, SampleForm& form) {
  const auto samples = static_cast<int>(page.samples);
  const std::string several = "holds " + std::to_string(samples) + " samples per voxel (";
  const bool rgb = page.photometric == PHOTOMETRIC_RGB && (samples == 3 || samples == 4);
  const bool gray = page.photometric == PHOTOMETRIC_MINISBLACK || page.photometric == PHOTOMETRIC_MINISWHITE;
  if (!rgb && !gray) {
    throw std::runtime_error(several + photometric_name(page.photometric) +
                             "): convert it to 8-bit or 16-bit unsigned or 32-bit float gray-scale, one "
                             "channel per file");
  }
  if (options.channel && *options.channel >= samples) {
    throw std::runtime_error(several + "channels 0 to " + std::to_string(samples - 1) +
                             "): there is no channel " + std::to_string(*options.channel));
  }
  const bool with_alpha = gray && samples == 2 && page.extra_samples == 1;
  if (page.planar) {
    form.planes = samples;
    if (!options.channel) {
      throw std::runtime_error(several +
                               "in planes of their own): name one with --channel, from 0 on; if they are "
                               "slices, save them as pages");
    }
    form.plane = *options.channel;
    return;
  }
  form.samples = samples;
  if (options.channel) form.sample = *options.channel;
  if (form.sample || rgb) return;
  throw std::runtime_error(several + (with_alpha ? "gray with transparency): --channel 0 reads the gray"
                                                 : "several channels): name one with --channel, from 0 on"));
}

}  // namespace

GrayLayout gray_layout(const TiffFile& file, const TiffDirectory& directory, const OpenOptions& options) {
  const TiffPage page = TiffPage::of(file, directory);
  const auto refuse = [](const std::string& what) { throw std::runtime_error(what); };
  const std::string convert = ": convert it to 8-bit or 16-bit unsigned or 32-bit float gray-scale";

  if (page.width == 0 || page.height == 0)
    refuse("the image has no voxels (" + size_text(page.width, page.height) + ")");
  constexpr std::uint64_t largest = std::numeric_limits<std::int32_t>::max();
  if (page.width > largest || page.height > largest) {
    refuse("the image claims " + size_text(page.width, page.height) + ": the file is damaged");
  }
  if (page.depth > 1) {
    refuse("is a volume of " + std::to_string(page.depth) +
           " slices in one page (ImageDepth): save it with a page "
           "for each slice");
  }
  GrayLayout layout;
  layout.labels = options.labels;
  constexpr std::uint64_t most_samples = 1024;
  if (page.samples == 0 || page.samples > most_samples || page.bits == 0 || page.bits > 64)
    refuse("claims " + std::to_string(page.samples) + " samples of " + std::to_string(page.bits) +
           " bits: the file is damaged");
  layout.stored.bits = static_cast<int>(page.bits);
  layout.stored.kind = page.sample_format == SAMPLEFORMAT_INT      ? SampleForm::Kind::negative_too
                       : page.sample_format == SAMPLEFORMAT_IEEEFP ? SampleForm::Kind::floating
                                                                   : SampleForm::Kind::whole;
  if (page.samples != 1) choose_samples(page, options, layout.stored);
  if (page.samples != 1) {
    // Said above.
  } else if (page.photometric == PHOTOMETRIC_PALETTE) {
    auto ramp = page.bits == 8 ? read_ramp(file, directory) : std::nullopt;
    if (options.labels && page.bits == 8) {
      // Colours to look at; labels are what is stored.
    } else if (ramp && ramp->colours <= 64) {
      if (ramp->colours > 0) layout.palette = std::move(ramp->brightness);
    } else {
      refuse("holds " + std::to_string(page.bits) + "-bit palette colour, not gray values" + convert);
    }
  } else if (page.photometric != PHOTOMETRIC_MINISBLACK && page.photometric != PHOTOMETRIC_MINISWHITE) {
    refuse("holds " + photometric_name(page.photometric) + convert);
  }

  layout.height = static_cast<int>(page.height);
  layout.width = static_cast<int>(page.width);
  // ImageJ's inverting palette changes how voxels are shown, not what they are: an object is still not 0.
  layout.inverted = page.photometric == PHOTOMETRIC_MINISWHITE && !options.labels;
  const bool known = page.sample_format == SAMPLEFORMAT_UINT || page.sample_format == SAMPLEFORMAT_INT ||
                     page.sample_format == SAMPLEFORMAT_IEEEFP;
  const auto type = known ? layout.stored.type() : std::nullopt;
  if (!type) refuse("holds " + samples_text(page.bits, page.sample_format) + " samples" + convert);
  layout.type = *type;
  const bool has_white = layout.stored.kind == SampleForm::Kind::whole && page.bits <= 16;
  if (layout.inverted && !has_white) {
    refuse("holds min-is-white " + samples_text(page.bits, page.sample_format) +
           " samples, which have no defined white" + convert);
  }
  // A lying header must not make us allocate what the file cannot hold.
  if (layout.stored_bytes() / largest_expansion(page.compression) > file.size()) {
    refuse("claims " + size_text(page.width, page.height) + ", which the file's " +
           std::to_string(file.size()) + " bytes cannot hold: the file is truncated or damaged");
  }
  return layout;
}

std::string difference(const TiffPage& page, const TiffPage& first) {
  if (page.width != first.width || page.height != first.height) {
    return size_text(page.width, page.height) + " instead of " + size_text(first.width, first.height);
  }
  if (page.samples != first.samples) {
    return std::to_string(page.samples) + " samples per voxel instead of " + std::to_string(first.samples);
  }
  if (page.bits != first.bits || page.sample_format != first.sample_format) {
    return samples_text(page.bits, page.sample_format) + " samples instead of " +
           samples_text(first.bits, first.sample_format);
  }
  if (page.photometric != first.photometric) {
    return photometric_name(page.photometric) + " instead of " + photometric_name(first.photometric);
  }
  if (page.orientation != first.orientation) {
    return "orientation " + std::to_string(page.orientation) + " instead of " +
           std::to_string(first.orientation);
  }
  return {};
}

std::string compression_name(std::uint64_t compression) {
  switch (compression) {
    case COMPRESSION_NONE:
      return "none";
    case COMPRESSION_LZW:
      return "lzw";
    case COMPRESSION_JPEG:
    case COMPRESSION_OJPEG:
      return "jpeg";
    case COMPRESSION_ADOBE_DEFLATE:
    case COMPRESSION_DEFLATE:
      return "deflate";
    case COMPRESSION_PACKBITS:
      return "packbits";
    case COMPRESSION_LZMA:
      return "lzma";
    case COMPRESSION_ZSTD:
      return "zstd";
    case COMPRESSION_WEBP:
      return "webp";
    case COMPRESSION_LERC:
      return "lerc";
    case 33003:  // Aperio's two
    case 33005:
    case 34712:
      return "jpeg 2000";
    default:
      return "compression scheme " + std::to_string(compression);
  }
}

std::uint64_t largest_expansion(std::uint64_t compression) {
  switch (compression) {
    case COMPRESSION_NONE:
      return 1;
    case COMPRESSION_PACKBITS:  // two bytes make a run of up to 128
      return 64;
    case COMPRESSION_ADOBE_DEFLATE:
    case COMPRESSION_DEFLATE:  // 258 bytes from two bits, at most
      return 1032;
    case COMPRESSION_LZW:  // a string of the full table of 4096 codes, from 12 bits
      return 2731;
    case COMPRESSION_JPEG:
    case COMPRESSION_OJPEG:  // a block of 64 from one bit, in a progressive scan
      return 1024;
    default:  // zstd and lzma say "repeat" in a few bytes, LERC "all the same"
      return 1u << 17;
  }
}

}  // namespace fibflow::io
