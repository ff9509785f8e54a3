#pragma once

#include <cerrno>
#include <stdexcept>
#include <string>

namespace fibflow::io {

/// Why a file could not be used; each kind has its own exit code on the command line.
enum class ErrorKind {
  missing,        ///< there is no such input                 (66)
  bad_data,       ///< the input is there but not usable      (65)
  cannot_create,  ///< the output cannot be made or exists    (73)
  read_write,     ///< the disk failed or is full             (74)
};

/// An error that names the file and the reason: what() reads "PATH: REASON".
class Error : public std::runtime_error {
 public:
  /// code: the system's errno, if it was the system that refused.
  Error(ErrorKind kind, const std::string& path, const std::string& reason, int code = 0)
      : std::runtime_error(path + ": " + reason), kind_(kind), path_(path), code_(code) {}

  ErrorKind kind() const { return kind_; }
  const std::string& path() const { return path_; }
  int code() const { return code_; }
  /// There is no room, or no more than the user may have: somebody can make some.
  bool is_disk_full() const { return code_ == ENOSPC || code_ == EDQUOT; }

 private:
  ErrorKind kind_;
  std::string path_;
  int code_ = 0;
};

}  // namespace fibflow::io
