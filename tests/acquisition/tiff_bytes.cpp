#include "tests/acquisition/tiff_bytes.h"

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <vector>

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

std::string deflated(const std::string& bytes) {
  uLongf size = compressBound(static_cast<uLong>(bytes.size()));
  std::string out(size, '\0');
  if (compress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()),
               static_cast<uLong>(bytes.size())) != Z_OK) {
    throw std::runtime_error("cannot compress");
  }
  out.resize(size);
  return out;
}

}  // namespace

std::string tiff_bytes(const io::Slice& slice, TiffLayout layout) {
  if (slice.type() != io::PixelType::u8) throw std::invalid_argument("8-bit slices only");
  const auto height = static_cast<std::uint32_t>(slice.height());
  const auto width = static_cast<std::uint32_t>(slice.width());
  const std::uint32_t rows = layout == TiffLayout::one_strip ? height : std::max(1U, height / 8);
  const bool compresses = layout == TiffLayout::compressed;
  const std::string pixels(reinterpret_cast<const char*>(slice.data()), slice.size_bytes());
  std::vector<std::uint32_t> counts;
  std::string strips;
  for (std::uint32_t y = 0; y < height; y += rows) {
    const std::string strip = pixels.substr(std::size_t{y} * width, std::size_t{rows} * width);
    const std::string stored = compresses ? deflated(strip) : strip;
    counts.push_back(static_cast<std::uint32_t>(stored.size()));
    strips += stored;
  }
  if (strips.size() % 2 == 1) strips.push_back('\0');  // a directory stands at an even place

  const auto directory = [&](std::uint32_t offset, std::uint32_t strips_at) {
    std::vector<std::uint32_t> offsets;
    for (const std::uint32_t count : counts) {
      offsets.push_back(strips_at);
      strips_at += count;
    }
    const std::uint32_t compression = compresses ? 8 : 1;
    return directory_at(offset, {{256, FieldType::u32, {width}},
                                 {257, FieldType::u32, {height}},
                                 {258, FieldType::u16, {8}},
                                 {259, FieldType::u16, {compression}},
                                 {262, FieldType::u16, {1}},
                                 {273, FieldType::u32, offsets},
                                 {277, FieldType::u16, {1}},
                                 {278, FieldType::u32, {rows}},
                                 {279, FieldType::u32, counts}});
  };
  const std::uint32_t header = 8;
  const bool directory_first = layout == TiffLayout::directory_first || layout == TiffLayout::one_strip;
  const std::uint32_t directory_offset =
      directory_first ? header : header + static_cast<std::uint32_t>(strips.size());
  std::string bytes("II*\0", 4);
  append(bytes, directory_offset, 4);
  if (!directory_first) return bytes + strips + directory(directory_offset, header);
  const auto size = static_cast<std::uint32_t>(directory(header, 0).size());
  return bytes + directory(header, header + size) + strips;
}

}  // namespace fibflow::testing
