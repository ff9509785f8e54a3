#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "io/files/file_identity.h"
#include "io/slice.h"
#include "io/stack.h"

namespace fibflow::io {

struct Format;

/// The format that the ending of a file's name stands for, of those that can be slices: TIFF, PNG, JPEG. Null if it is none.
const Format* format_by_ending(const std::string& path);

/// A file's name without its folders and the endings that do not tell slices apart: "cell_01" of "run/cell_01.ome.tif".
std::string bare_name(const std::string& path);

/// A file with one slice, of any of these formats, as a stack of that slice. Throws Error, also (bad_data) if it has more.
std::unique_ptr<Stack> open_slice_file(const std::string& path, const OpenOptions& options = {});

/// A slice's file read while somebody may still be writing it.
struct SliceFileReading {
  enum class State {
    whole,     ///< every voxel was decoded, from one and the same state of the file
    changing,  ///< the file changed, went away or came back while it was read: read it again later
    refused,   ///< whoever reads it does not want one like that
    unusable,  ///< as it stands it cannot be decoded: it is not finished, damaged, or no gray-scale slice
  };
  State state = State::unusable;
  std::string reason;     ///< if it is not whole; names the file
  FileIdentity identity;  ///< of what was read
  Slice slice;            ///< if it is whole
  StackInfo info;         ///< if it is whole: voxel size, remarks, ...
  /// Stored bytes that are zero at the end of the file, or of its last strip or tile, in the order of the image or of the file,
  /// whichever has more; of a tile only if all of it is zero. A writer that makes room for the whole file before it fills it leaves such an end; an
  /// image that is black at its bottom has one, too, and nothing in the file tells the two apart.
  std::uint64_t zero_end = 0;
};

/// Reads the one page of a file as slice `z`. Strips that the file does not have, or that have no bytes, make it
/// unusable, as anything does that TiffStack would refuse, and a disk that fails.
/// objection: gets what the file says of its slice before any voxel is read, and has a reason not to read them, or none:
/// an image of any size may lie among the slices.
SliceFileReading read_slice_file(const std::string& path, std::int64_t z,
                                 const std::function<std::string(const StackInfo& info)>& objection = {},
                                 const OpenOptions& options = {});

}  // namespace fibflow::io
