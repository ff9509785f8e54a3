#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "io/files/atomic_file.h"
#include "io/slice.h"

namespace fibflow::io {

enum class Compression { none, deflate, zstd };

/// What a TIFF stack is written with.
struct TiffWriterOptions {
  Compression compression = Compression::deflate;
  VoxelSize voxel_nm;       ///< written so that Fiji shows it; 0 is left out
  std::string description;  ///< free text kept in the file: version and parameters of the run
  bool overwrite = false;   ///< replace an existing file when the new one is complete
  std::int64_t depth = 0;   ///< slices that will come; decides with the slice size whether BigTIFF is needed
  std::string mark =
      {};  ///< kept with the finished file where that can be, see io/files/file_mark.h; empty: none
};

/// How far a growing file has come.
struct TiffProgress {
  std::int64_t slices = 0;
  std::uint64_t length = 0;  ///< bytes that hold them
  std::uint64_t inode = 0;   ///< of the file, which it keeps when it is given its name
  friend bool operator==(const TiffProgress&, const TiffProgress&) = default;
};

/// Writes slices of one shape and type to a multi-page TIFF (BigTIFF when needed).
/// The file grows under a temporary name in the same folder and appears under its own name only with
/// finish(); destroyed before that, nothing is left. Not thread-safe.
///
/// A resumable one leaves the growing file if keep() was called, or the process killed: another one goes on from
/// any progress() that was followed by sync(), and the finished file is the same to the byte.
class TiffWriter {
 public:
  /// Throws io::Error (cannot_create) if the file exists and overwrite is not set, or the folder is not
  /// writable.
  TiffWriter(std::string path, TiffWriterOptions options);

  /// Resumable; goes on from there, and forgets slices that came later. With no slices it begins anew. Throws
  /// io::Error: as above; cannot_create if another process writes the file; bad_data if what was written
  /// before is gone or damaged.
  TiffWriter(std::string path, TiffWriterOptions options, const TiffProgress& from);
  ~TiffWriter();
  TiffWriter(TiffWriter&&) noexcept;
  TiffWriter& operator=(TiffWriter&&) noexcept;

  /// Appends one slice. Throws io::Error (read_write) with the reason if the disk is full,
  /// std::invalid_argument if its shape or type differs from the first one's.
  void write(const Slice& slice);

  /// With the slices that write() has taken.
  TiffProgress progress() const;

  /// Brings them to the disk. Throws io::Error (read_write).
  void sync();

  /// From now on the growing file is left, to be gone on with. For a resumable one only.
  void keep();

  /// Syncs the file and gives it its name. Throws io::Error.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Whether that file is complete and has its name already: a writer came to its end, but nobody could say so.
bool is_finished(const std::string& path, const TiffProgress& progress);

}  // namespace fibflow::io
