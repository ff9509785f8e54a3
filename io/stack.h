#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/region.h"
#include "io/slice.h"

namespace fibflow::io {

/// In which order the files of a folder or glob are slices.
enum class FileOrder {
  number,  ///< of the number in their names that tells them apart; refused if they are several series
  name,    ///< natural order of their names
  time,    ///< in which they were last changed
};

/// "number", "name", "time".
const char* name_of(FileOrder order);

/// How a stack is opened.
struct OpenOptions {
  FileOrder order = FileOrder::number;  ///< of a folder or glob of files
  std::optional<int> channel;           ///< of a stack that has several: the one that is read, from 0 on
  /// What voxels mean are numbers of classes or objects, not gray values: no palette, no inversion; those above 65535 are read
  /// as 65535.
  bool labels = false;
  /// Name of a file in a folder that is no slice and need not be told of: it says that the folder is complete. Empty: none.
  std::string marker;
};

/// What a stack is, known without reading its voxels.
struct StackInfo {
  std::string path;         ///< as the user gave it
  std::string format;       ///< "TIFF", "BigTIFF", "folder of TIFF slices"
  std::string compression;  ///< "none", "deflate", "lzw", ...
  std::int64_t depth = 0;   ///< slices
  int height = 0;           ///< voxels
  int width = 0;            ///< voxels
  PixelType type = PixelType::u8;
  double zero =
      0;  ///< the voxel that stands for the stored 0: 32768 for signed 16-bit, which is moved up to be read, 128 for 8-bit
  int bits = 0;  ///< of a stored voxel, where they are known not to fill the type: 12; else 0
  VoxelSize voxel_nm;
  Margins not_image;  ///< edges that show no specimen: a microscope's data bar; part of the slices
  Margins cropped;    ///< edges that the files have and the slices have not, see StackView
  std::string
      file_order;  ///< "number", "name" or "time": what puts the files of a folder in order; empty for one file
  std::optional<int> channel;  ///< that is read, if it was chosen
  std::string voxel_source;    ///< which tag the voxel size came from; empty if unknown
  std::string description;     ///< the file's own text (TIFF ImageDescription), at most 64 KiB of it
  /// Things the user should know though the stack can be read: a gap in the numbering of slices, say.
  std::vector<std::string> remarks;
  /// Bytes that reading a slice takes beside the slice itself, at most: what it is decoded in or from.
  std::size_t decoding_bytes = 0;
  /// Bytes that it takes to know where the slices are, at most: grows with their number, and is small beside one.
  std::size_t index_bytes = 0;

  /// Of a slice's voxels.
  std::size_t slice_bytes() const;
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

  /// A part of slice z: the same voxels as read(z).part(region), decoding no more than it must. Throws as read();
  /// std::invalid_argument if the region is empty or does not lie in the slice.
  virtual Slice read_region(std::int64_t z, const Region& region);

  /// Looks whether slices can be read, as far as that shows without decoding them: the headers of their files. Throws as
  /// read(); what it does not find, read() does.
  virtual void require_readable(const Interval& slices) const;

  /// The slices that are decoded together with slice z, which reading one after the other makes cheap: those of a chunk.
  virtual Interval cheap_together(std::int64_t z) const;
};

/// Throws std::invalid_argument unless the region lies in the stack's slices and holds a voxel.
void require_inside(const StackInfo& info, const Region& region);

}  // namespace fibflow::io
