#include "tests/io/tiff_maker.h"

#include <stdlib.h>
#include <tiffio.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "io/stack.h"

namespace fibflow::io::testing {

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "fibflow_test_XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryFolder::path(const std::string& name) const {
  return name.empty() ? path_.string() : (path_ / name).string();
}

std::vector<std::string> TemporaryFolder::contents() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path_)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::uint32_t pattern(int z, int y, int x) {
  // Every bit varies, and neighbours differ, so that no row, tile or byte can stand for another.
  std::uint32_t v = static_cast<std::uint32_t>(z) * 0x9e3779b1u +
                    static_cast<std::uint32_t>(y) * 0x85ebca77u + static_cast<std::uint32_t>(x) * 0xc2b2ae3du;
  v ^= v >> 15;
  v *= 0x2c1b3c6du;
  return v ^ v >> 12;
}

namespace {

// The bytes of one voxel as `bits` wide samples in native order.
void append(std::vector<unsigned char>& row, std::uint32_t value, int bits, int format) {
  if (format == SAMPLEFORMAT_IEEEFP && bits == 32) {
    const float number = static_cast<float>(value % 100000) / 1000 - 20;
    const auto* bytes = reinterpret_cast<const unsigned char*>(&number);
    row.insert(row.end(), bytes, bytes + 4);
    return;
  }
  for (int i = 0; i < bits / 8; ++i) row.push_back(static_cast<unsigned char>(value >> (8 * (i % 4))));
}

std::vector<unsigned char> row_of(const PageSpec& page, int z, int y, int width) {
  std::vector<unsigned char> row;
  for (int x = 0; x < width; ++x) {
    for (int s = 0; s < page.samples; ++s) {
      const std::uint32_t value = x < page.width && y < page.height ? pattern(z, y, x) : 0;
      append(row, value, page.bits, page.format);
    }
  }
  row.resize(
      std::max<std::size_t>(row.size(), static_cast<std::size_t>(width * page.samples * page.bits + 7) / 8));
  return row;
}

void set_fields(TIFF* tiff, const PageSpec& page) {
  TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, page.width);
  TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, page.height);
  TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, page.bits);
  TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, page.samples);
  TIFFSetField(tiff, TIFFTAG_SAMPLEFORMAT, page.format);
  TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, page.photometric);
  TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
  TIFFSetField(tiff, TIFFTAG_ORIENTATION, page.orientation);
  TIFFSetField(tiff, TIFFTAG_COMPRESSION, page.compression);
  if (page.predictor != 1) TIFFSetField(tiff, TIFFTAG_PREDICTOR, page.predictor);
  if (page.subfile != 0) TIFFSetField(tiff, TIFFTAG_SUBFILETYPE, page.subfile);
  if (page.tile > 0) {
    TIFFSetField(tiff, TIFFTAG_TILEWIDTH, page.tile);
    TIFFSetField(tiff, TIFFTAG_TILELENGTH, page.tile);
  } else {
    TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, page.rows_per_strip);
  }
  if (page.resolution_unit != 0) TIFFSetField(tiff, TIFFTAG_RESOLUTIONUNIT, page.resolution_unit);
  if (page.x_resolution > 0) TIFFSetField(tiff, TIFFTAG_XRESOLUTION, page.x_resolution);
  if (page.y_resolution > 0) TIFFSetField(tiff, TIFFTAG_YRESOLUTION, page.y_resolution);
  if (!page.description.empty()) TIFFSetField(tiff, TIFFTAG_IMAGEDESCRIPTION, page.description.c_str());
  if (!page.palette.empty()) {
    TIFFSetField(tiff, TIFFTAG_COLORMAP, page.palette.data(), page.palette.data(), page.palette.data());
  }
  const auto vendor = [&](std::uint32_t tag, const std::string& text) {
    if (text.empty()) return;
    const TIFFFieldInfo field = {tag, -1, -1, TIFF_ASCII, FIELD_CUSTOM, 1, 0, const_cast<char*>("Vendor")};
    TIFFMergeFieldInfo(tiff, &field, 1);
    TIFFSetField(tiff, tag, text.c_str());
  };
  vendor(34682, page.fei);
  vendor(34118, page.zeiss);
}

}  // namespace

void make_tiff(const std::string& path, const std::vector<PageSpec>& pages, const std::string& mode) {
  TIFF* tiff = TIFFOpen(path.c_str(), mode.c_str());
  if (tiff == nullptr) throw std::runtime_error("cannot make " + path);
  for (std::size_t z = 0; z < pages.size(); ++z) {
    const PageSpec& page = pages[z];
    set_fields(tiff, page);
    const int number = static_cast<int>(z);
    bool good = true;
    if (page.tile > 0) {
      for (int y0 = 0; y0 < page.height; y0 += page.tile) {
        for (int x0 = 0; x0 < page.width; x0 += page.tile) {
          std::vector<unsigned char> tile;
          for (int y = y0; y < y0 + page.tile; ++y) {
            const auto row = row_of(page, number, y, (page.width + page.tile - 1) / page.tile * page.tile);
            const auto begin = row.begin() + x0 * page.bits / 8;
            tile.insert(tile.end(), begin, begin + page.tile * page.bits / 8);
          }
          good = good && TIFFWriteTile(tiff, tile.data(), static_cast<std::uint32_t>(x0),
                                       static_cast<std::uint32_t>(y0), 0, 0) > 0;
        }
      }
    } else {
      for (int y = 0; y < page.height; ++y) {
        auto row = row_of(page, number, y, page.width);
        good = good && TIFFWriteScanline(tiff, row.data(), static_cast<std::uint32_t>(y), 0) == 1;
      }
    }
    if (!good || TIFFWriteDirectory(tiff) != 1) throw std::runtime_error("cannot write a page of " + path);
  }
  TIFFClose(tiff);
}

void make_tiff(const std::string& path, const PageSpec& page, int pages, const std::string& mode) {
  make_tiff(path, std::vector<PageSpec>(static_cast<std::size_t>(pages), page), mode);
}

int wrong_voxels(const Slice& slice, int z) {
  const int bits = static_cast<int>(8 * bytes_per_voxel(slice.type()));
  const int format = slice.type() == PixelType::f32 ? SAMPLEFORMAT_IEEEFP : SAMPLEFORMAT_UINT;
  const std::size_t bytes = bytes_per_voxel(slice.type());
  int wrong = 0;
  for (int y = 0; y < slice.height(); ++y) {
    for (int x = 0; x < slice.width(); ++x) {
      std::vector<unsigned char> expected;
      append(expected, pattern(z, y, x), bits, format);
      const std::size_t at = (static_cast<std::size_t>(y) * static_cast<std::size_t>(slice.width()) +
                              static_cast<std::size_t>(x)) *
                             bytes;
      wrong += std::memcmp(slice.data() + at, expected.data(), bytes) != 0 ? 1 : 0;
    }
  }
  return wrong;
}

std::vector<unsigned char> read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void write_bytes(const std::string& path, const std::vector<unsigned char>& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!file) throw std::runtime_error("cannot write " + path);
}

std::uint64_t get(const std::vector<unsigned char>& bytes, std::size_t at, int width) {
  std::uint64_t value = 0;
  for (int i = width - 1; i >= 0; --i) value = value << 8 | bytes.at(at + static_cast<std::size_t>(i));
  return value;
}

void put(std::vector<unsigned char>& bytes, std::size_t at, int width, std::uint64_t value) {
  for (int i = 0; i < width; ++i) {
    bytes.at(at + static_cast<std::size_t>(i)) = static_cast<unsigned char>(value >> (8 * i));
  }
}

std::vector<std::size_t> directories(const std::vector<unsigned char>& bytes) {
  std::vector<std::size_t> found;
  for (std::size_t at = get(bytes, 4, 4); at != 0; at = get(bytes, at + 2 + 12 * get(bytes, at, 2), 4)) {
    found.push_back(at);
  }
  return found;
}

std::size_t entry(const std::vector<unsigned char>& bytes, std::size_t directory, int tag) {
  const std::size_t count = get(bytes, directory, 2);
  for (std::size_t i = 0; i < count; ++i) {
    if (get(bytes, directory + 2 + 12 * i, 2) == static_cast<std::uint64_t>(tag))
      return directory + 2 + 12 * i;
  }
  throw std::runtime_error("no tag " + std::to_string(tag));
}

std::string failure(const std::string& path) {
  try {
    const auto stack = open_stack(path);
    for (std::int64_t z = 0; z < stack->info().depth; ++z) stack->read(z);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

ErrorKind failure_kind(const std::string& path) {
  try {
    const auto stack = open_stack(path);
    for (std::int64_t z = 0; z < stack->info().depth; ++z) stack->read(z);
  } catch (const Error& error) {
    return error.kind();
  }
  throw std::runtime_error(path + " can be read");
}

std::uint32_t crc32(const Slice& slice, std::uint32_t crc) {
  crc = ~crc;
  for (std::size_t i = 0; i < slice.size_bytes(); ++i) {
    crc ^= std::to_integer<std::uint32_t>(slice.data()[i]);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
  }
  return ~crc;
}

}  // namespace fibflow::io::testing
