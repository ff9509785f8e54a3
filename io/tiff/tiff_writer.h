#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "io/stack_writer.h"

namespace fibflow::io {

/// How far a growing file has come.
struct TiffProgress {
  std::int64_t slices = 0;
  std::uint64_t length = 0;  ///< bytes that hold them
  std::uint64_t inode = 0;   ///< of the file, which it keeps when it is given its name
  std::uint64_t hash = 0;    ///< RunningHash of these bytes, where each directory has no next one yet
  friend bool operator==(const TiffProgress&, const TiffProgress&) = default;

  /// "SLICES LENGTH INODE HASH", and back; nothing if it is another text.
  std::string text() const;
  static std::optional<TiffProgress> parse(const std::string& text);
};

/// A multi-page TIFF, one slice per page; BigTIFF where the announced depth may need it, or is not known.
/// The file grows under a temporary name in the same folder.
class TiffWriter final : public StackWriter {
 public:
  /// Throws io::Error (cannot_create) if the file exists and overwrite is not set, the folder is not writable, or libtiff
  /// here cannot write such a compression.
  TiffWriter(std::string path, WriterOptions options);

  /// Resumable; goes on from there, and forgets slices that came later. With no slices it begins anew. Throws
  /// io::Error: as above; cannot_create if another process writes the file; bad_data if what was written
  /// before is gone or damaged: all of it is read again.
  TiffWriter(std::string path, WriterOptions options, const TiffProgress& from);
  ~TiffWriter() override;
  TiffWriter(const TiffWriter&) = delete;
  TiffWriter& operator=(const TiffWriter&) = delete;

  void write(const Slice& slice) override;
  bool copy(const std::string& file) override;
  std::string progress() const override;
  void sync() override;
  void keep() override;
  void finish() override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Whether that file is complete and has its name already: a writer came to its end, but nobody could say so.
bool is_finished(const std::string& path, const TiffProgress& progress);

}  // namespace fibflow::io
