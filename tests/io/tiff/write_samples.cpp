// Stacks as they are written, for other programs to read: TYPE-COMPRESSION-SLICES[-big].tif in a folder.
// Voxel (z, y, x) is (31 z + 7 y + 3 x) mod 251; of floats a quarter of that.

#include <cstdint>
#include <iostream>
#include <memory>
#include <string>

#include "io/tiff/tiff_writer.h"

namespace {

using namespace fibflow::io;

constexpr int height = 37;
constexpr int width = 53;

template <typename T>
Slice slice_of(int z, PixelType type) {
  const std::shared_ptr<std::byte[]> voxels(new std::byte[sizeof(T) * height * width]);
  auto* to = reinterpret_cast<T*>(voxels.get());
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const auto value = static_cast<T>((31 * z + 7 * y + 3 * x) % 251);
      *to++ = type == PixelType::f32 ? value / 4 : value;
    }
  }
  return {z, height, width, type, voxels};
}

Slice slice_of(int z, PixelType type) {
  return type == PixelType::u8    ? slice_of<std::uint8_t>(z, type)
         : type == PixelType::u16 ? slice_of<std::uint16_t>(z, type)
                                  : slice_of<float>(z, type);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: write_samples FOLDER\n";
    return 64;
  }
  for (const PixelType type : all_pixel_types) {
    for (const Compression compression : {Compression::none, Compression::deflate, Compression::zstd}) {
      for (const int slices : {1, 2, 3, 12}) {
        for (const bool big : {false, true}) {
          WriterOptions options;
          options.compression = compression;
          options.voxel_nm = {20, 4, 4};
          options.overwrite = true;
          // Where nobody knows how many come, offsets have 64 bits.
          options.depth = big ? 0 : slices;
          const std::string path = std::string(argv[1]) + "/" + name_of(type) + "-" + name_of(compression) +
                                   "-" + std::to_string(slices) + (big ? "-big" : "") + ".tif";
          TiffWriter writer(path, options);
          for (int z = 0; z < slices; ++z) writer.write(slice_of(z, type));
          writer.finish();
        }
      }
    }
  }
}
