#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "io/files/atomic_file.h"

namespace fibflow::pipeline {

/// A line of a journal: its checksum, the text (without a line break), and the end of the line.
std::string checked_line(const std::string& text);

/// A text as one word: it may hold any byte, a word in a line neither blanks nor line breaks. And back.
std::string escaped(const std::string& text);
std::string unescaped(const std::string& word);

/// A file of lines that only grows, each with a checksum: what has happened so far, for whoever goes on after a kill or looks
/// back at the end, without keeping it in memory. Reading and writing take the memory of a line. Not thread-safe.
class Journal {
 public:
  struct WithoutName {
    std::string folder;
  };

  /// Opens the file, or makes an empty one. Throws io::Error.
  explicit Journal(std::string path);
  /// One in this folder that nobody else sees, and that is gone with this object or the process. Throws io::Error.
  explicit Journal(const WithoutName& place);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// A line as it is read.
  struct Line {
    std::string_view text;    ///< without its checksum
    std::uint64_t begin = 0;  ///< byte that it begins at
    std::uint64_t end = 0;    ///< and that the next one begins at
  };

  /// Gives the lines from the beginning on to `take`, up to the first that is not whole or ends after `until` bytes. Returns
  /// the bytes of those given. Throws io::Error (read_write), and what `take` throws.
  std::uint64_t read(const std::function<void(const Line& line)>& take,
                     std::uint64_t until = UINT64_MAX) const;

  /// Leaves its first bytes. Throws io::Error.
  void cut(std::uint64_t bytes);

  /// Makes it hold the lines for which `keep` is true, in the order they are in; on the disk when it returns. Throws io::Error,
  /// and is then as it was before.
  void keep_only(const std::function<bool(const Line& line)>& keep);

  /// Adds a line. Durable only after sync(). Throws io::Error, and is then as it was before.
  void append(const std::string& text);
  /// Throws io::Error if the disk failed. What the system was to write then may be lost though a second call would succeed:
  /// it is written anew, into a new file.
  void sync();

  const std::string& path() const { return path_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  void open();
  void write_anew();

  std::string path_;
  std::unique_ptr<io::AtomicFile> nameless_;
  int descriptor_ = -1;
  std::uint64_t bytes_ = 0;
  std::string unsynced_;     // the lines at its end that may not be on the disk
  bool distrusted_ = false;  // a sync failed
};

}  // namespace fibflow::pipeline
