#pragma once

#include <cstdint>
#include <string>

#include "io/slice.h"

namespace fibflow::io {

/// How voxels are packed. A format refuses what it does not have.
enum class Compression { none, deflate, zstd };

/// "none", "deflate" or "zstd".
const char* name_of(Compression compression);

/// What a stack is written with.
struct WriterOptions {
  Compression compression = Compression::deflate;
  VoxelSize voxel_nm;       ///< written so that other programs show it; 0 is left out
  std::string description;  ///< free text kept with the stack: version and parameters of the run
  bool overwrite = false;   ///< replace an existing stack when the new one is complete
  std::int64_t depth = 0;   ///< slices that will come; 0: not known
  std::string mark =
      {};  ///< kept with the finished file where that can be, see io/files/file_mark.h; empty: none
};

/// Writes slices of one shape and type to a stack. The stack appears under its name only with finish(); destroyed before
/// that, nothing is left. One thread at a time.
///
/// A resumable one (Format::resume) leaves what it has written if keep() was called, or the process killed: another one goes
/// on from any progress() that was followed by sync(), and the finished stack is the same to the byte.
class StackWriter {
 public:
  virtual ~StackWriter() = default;

  /// Appends one slice. Throws io::Error (read_write) with the reason if the disk is full, std::invalid_argument if its shape
  /// or type differs from the first one's.
  virtual void write(const Slice& slice) = 0;

  /// Appends the slice that such a writer wrote into a file of its own, as it is stored there, without unpacking it. False,
  /// with nothing appended, if it is not there or not stored as it would be here: write() takes its voxels. Throws as write().
  virtual bool copy(const std::string& /*file*/) { return false; }

  /// Where it stands, with the slices that write() has taken: text that the format alone understands, to be kept and given
  /// back to it.
  virtual std::string progress() const = 0;

  /// Brings what write() has taken to the disk. Throws io::Error (read_write).
  virtual void sync() = 0;

  /// From now on what grows is left, to be gone on with. For a resumable one only.
  virtual void keep() = 0;

  /// Brings the stack to the disk and gives it its name. Throws io::Error.
  virtual void finish() = 0;

 protected:
  StackWriter() = default;
  StackWriter(const StackWriter&) = default;
  StackWriter& operator=(const StackWriter&) = default;
};

}  // namespace fibflow::io
