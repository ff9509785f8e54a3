#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fibflow::io {

/// One field of a TIFF directory, as the file has it. The value lies at `value` in the file.
struct TiffEntry {
  std::uint16_t tag = 0;
  std::uint16_t type = 0;   ///< 1 BYTE, 2 ASCII, 3 SHORT, ...
  std::uint64_t count = 0;  ///< values, not bytes
  std::uint64_t value = 0;  ///< file offset of the first value
};

/// One TIFF directory (IFD): its fields, and where the next one is.
struct TiffDirectory {
  std::uint64_t offset = 0;
  std::uint64_t next = 0;           ///< 0: this is the last
  std::uint64_t next_position = 0;  ///< where `next` itself stands in the file
  std::vector<TiffEntry> entries;

  /// The field, or nullptr.
  const TiffEntry* find(std::uint16_t tag) const;
};

/// A TIFF file opened for reading, and its structure: header, directories and raw fields. libtiff decodes the
/// voxels; the chain of directories is walked here, because libtiff 4.5.0 ends it silently at a loop or a bad
/// offset and walks it again for each page that is asked for. Every read is bounded by the file's size.
/// Const members may be called in parallel.
class TiffFile {
 public:
  /// Throws Error: missing if there is no such file, bad_data if it is not a TIFF.
  explicit TiffFile(std::string path);
  ~TiffFile();
  TiffFile(const TiffFile&) = delete;
  TiffFile& operator=(const TiffFile&) = delete;

  const std::string& path() const { return path_; }
  std::uint64_t size() const { return size_; }
  bool is_big_tiff() const { return big_; }
  bool is_foreign_order() const { return foreign_order_; }
  std::uint64_t first_directory() const { return first_directory_; }

  /// Reads up to `bytes` at `offset`: fewer only where the file ends. Throws Error (read_write) if the disk
  /// fails.
  std::size_t read_at(std::uint64_t offset, void* buffer, std::size_t bytes) const;

  /// The directory at `offset`. Throws Error (bad_data) if it does not lie inside the file.
  TiffDirectory directory(std::uint64_t offset) const;

  /// Values of a BYTE, SHORT, LONG or LONG8 field, at most `limit` of them; empty for another type.
  std::vector<std::uint64_t> integers(const TiffEntry& entry, std::size_t limit) const;

  /// The last of such values; nothing if there is none.
  std::optional<std::uint64_t> last_integer(const TiffEntry& entry) const;

  /// The first value of a RATIONAL field; 0 if it is not one or has no denominator.
  double rational(const TiffEntry& entry) const;

  /// The bytes of a field, at most `limit` of them; empty if it has values of more than a byte.
  std::string bytes(const TiffEntry& entry, std::size_t limit) const;

  /// The bytes of a field as text, up to its first NUL and at most `limit` of them.
  std::string text(const TiffEntry& entry, std::size_t limit) const;

 private:
  std::uint64_t number(const unsigned char* bytes, int width) const;
  [[noreturn]] void bad(const std::string& reason) const;

  std::string path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  std::uint64_t first_directory_ = 0;
  bool big_ = false;
  bool foreign_order_ = false;
  bool big_endian_ = false;
};

}  // namespace fibflow::io
