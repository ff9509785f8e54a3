#pragma once

#include <cstdint>
#include <memory>
#include <string>

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
};

/// Writes slices of one shape and type to a multi-page TIFF (BigTIFF when needed).
/// The file grows under a temporary name in the same folder and appears under its own name only with
/// finish(); destroyed before that, nothing is left. Not thread-safe.
class TiffWriter {
 public:
  /// Throws io::Error (cannot_create) if the file exists and overwrite is not set, or the folder is not
  /// writable.
  TiffWriter(std::string path, TiffWriterOptions options);
  ~TiffWriter();
  TiffWriter(TiffWriter&&) noexcept;
  TiffWriter& operator=(TiffWriter&&) noexcept;

  /// Appends one slice. Throws io::Error (read_write) with the reason if the disk is full,
  /// std::invalid_argument if its shape or type differs from the first one's.
  void write(const Slice& slice);

  /// Syncs the file and gives it its name. Throws io::Error.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fibflow::io
