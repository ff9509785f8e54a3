#include "tests/acquisition/tiff_bytes.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <vector>

#include "io/tiff_writer.h"
#include "tests/pipeline/temporary_folder.h"

namespace fibflow::testing {
namespace {

enum class FieldType : unsigned { u16 = 3, u32 = 4 };

struct Field {
  unsigned tag;
  FieldType type;
  std::vector<std::uint32_t> values;
};

void append(std::string& bytes, std::uint32_t value, int width) {
  for (int i = 0; i < width; ++i) bytes.push_back(static_cast<char>(value >> (8 * i) & 0xff));
}

/// A directory that will stand at `offset`, with the values that do not fit an entry behind it.
std::string directory_at(std::uint32_t offset, const std::vector<Field>& fields) {
  std::string entries;
  std::string behind;
  const auto behind_at = static_cast<std::uint32_t>(offset + 2 + 12 * fields.size() + 4);
  append(entries, static_cast<std::uint32_t>(fields.size()), 2);
  for (const Field& field : fields) {
    const int width = field.type == FieldType::u16 ? 2 : 4;
    append(entries, field.tag, 2);
    append(entries, static_cast<std::uint32_t>(field.type), 2);
    append(entries, static_cast<std::uint32_t>(field.values.size()), 4);
    std::string values;
    for (const std::uint32_t value : field.values) append(values, value, width);
    if (values.size() <= 4) {
      values.resize(4);
      entries += values;
    } else {
      append(entries, static_cast<std::uint32_t>(behind_at + behind.size()), 4);
      behind += values;
    }
  }
  append(entries, 0, 4);
  return entries + behind;
}

std::string uncompressed(const io::Slice& slice, TiffLayout layout) {
  const auto height = static_cast<std::uint32_t>(slice.height());
  const auto width = static_cast<std::uint32_t>(slice.width());
  const std::uint32_t rows = layout == TiffLayout::one_strip ? height : std::max(1U, height / 8);
  std::vector<std::uint32_t> counts;
  for (std::uint32_t y = 0; y < height; y += rows) counts.push_back(std::min(rows, height - y) * width);

  const auto directory = [&](std::uint32_t offset, std::uint32_t pixels_at) {
    std::vector<std::uint32_t> offsets;
    for (const std::uint32_t count : counts) {
      offsets.push_back(pixels_at);
      pixels_at += count;
    }
    return directory_at(offset, {{256, FieldType::u32, {width}},
                                 {257, FieldType::u32, {height}},
                                 {258, FieldType::u16, {8}},
                                 {259, FieldType::u16, {1}},
                                 {262, FieldType::u16, {1}},
                                 {273, FieldType::u32, offsets},
                                 {277, FieldType::u16, {1}},
                                 {278, FieldType::u32, {rows}},
                                 {279, FieldType::u32, counts}});
  };
  const std::string pixels(reinterpret_cast<const char*>(slice.data()), slice.size_bytes());
  const std::uint32_t header = 8;
  std::string bytes("II*\0", 4);
  if (layout == TiffLayout::directory_last) {
    const std::uint32_t padded = header + static_cast<std::uint32_t>(pixels.size() + pixels.size() % 2);
    append(bytes, padded, 4);
    bytes += pixels;
    bytes.resize(padded);
    return bytes + directory(padded, header);
  }
  append(bytes, header, 4);
  const auto size = static_cast<std::uint32_t>(directory(header, 0).size());
  return bytes + directory(header, header + size) + pixels;
}

std::string compressed(const io::Slice& slice) {
  const TemporaryFolder folder;
  io::TiffWriter writer(folder / "slice.tif", {});
  writer.write(slice);
  writer.finish();
  std::ifstream file(folder / "slice.tif", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

std::string tiff_bytes(const io::Slice& slice, TiffLayout layout) {
  if (slice.type() != io::PixelType::u8) throw std::invalid_argument("8-bit slices only");
  return layout == TiffLayout::compressed ? compressed(slice) : uncompressed(slice, layout);
}

}  // namespace fibflow::testing
