#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/slice.h"

namespace fibflow::io {

/// What a stack is, known without reading its voxels.
struct StackInfo {
  std::string path;         ///< as the user gave it
  std::string format;       ///< "TIFF", "BigTIFF", "folder of TIFF slices"
  std::string compression;  ///< "none", "deflate", "lzw", ...
  std::int64_t depth = 0;   ///< slices
  int height = 0;           ///< voxels
  int width = 0;            ///< voxels
  PixelType type = PixelType::u8;
  VoxelSize voxel_nm;
  std::string voxel_source;  ///< which tag the voxel size came from; empty if unknown
  std::string description;   ///< the file's own text (TIFF ImageDescription), at most 64 KiB of it
  /// Things the user should know though the stack can be read: a gap in the numbering of slices, say.
  std::vector<std::string> remarks;
};

/// Slices in z order, read when they are asked for; a stack may be much larger than memory.
/// read() is not thread-safe: one thread reads a stack. The files are not locked and must not change
/// meanwhile.
class Stack {
 public:
  virtual ~Stack() = default;

  virtual const StackInfo& info() const = 0;

  /// The files that it is read from; none if it is not read from files.
  virtual std::vector<std::string> files() const { return {}; }

  /// Slice z, 0 <= z < info().depth. Throws io::Error that names the file, the page and the reason.
  virtual Slice read(std::int64_t z) = 0;
};

}  // namespace fibflow::io
