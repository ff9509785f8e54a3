#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "io/tiff_writer.h"
#include "model/network.h"
#include "tests/nodes/small_network.h"
#include "tests/pipeline/memory_stack.h"

namespace fibflow::testing {

/// A stack whose slices differ, brighter with z, so that its statistics move.
inline MemoryStack<std::uint8_t> textured_stack(std::int64_t depth, int height, int width) {
  std::vector<std::uint8_t> voxels;
  for (std::int64_t z = 0; z < depth; ++z) {
    const io::Slice slice = textured_slice(z, height, width);
    for (const std::uint8_t voxel : slice.as<std::uint8_t>()) {
      voxels.push_back(static_cast<std::uint8_t>(voxel + 2 * z % 40));
    }
  }
  return MemoryStack<std::uint8_t>("textured", depth, height, width, std::move(voxels));
}

/// Writes all slices of a stack to a TIFF.
inline void write_tiff(io::Stack& stack, const std::string& path,
                       io::Compression compression = io::Compression::none) {
  io::TiffWriter writer(path, {compression, {}, "", false, stack.info().depth});
  for (std::int64_t z = 0; z < stack.info().depth; ++z) writer.write(stack.read(z));
  writer.finish();
}

inline std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Names of the files in a folder, hidden ones too.
inline std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename());
  return names;
}

}  // namespace fibflow::testing
