#pragma once

#include <functional>
#include <mutex>
#include <ostream>
#include <string>
#include <string_view>

namespace fibflow::pipeline {

/// Columns of the terminal behind a file descriptor; 0 if it is none (a pipe, a file, TERM=dumb).
int terminal_columns(int descriptor);

/// Lets whole lines (the log) and one status line (a progress bar) share a stream without garbling each
/// other. On anything but a terminal the status line is never drawn, and no control character is written. The
/// cursor is never hidden, so a kill leaves nothing to restore. All members may be called from any thread.
class Terminal {
 public:
  /// `columns` is asked before each drawing, so a resized window is seen; 0 means not a terminal.
  /// The stream must outlive the terminal, and nobody else should write to it meanwhile.
  Terminal(std::ostream& stream, std::function<int()> columns);

  /// Takes the status line away.
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  /// Columns now; 0 if this is not a terminal.
  int columns() const { return columns_(); }

  /// Writes text, whole lines that end in a newline, above the status line.
  void print(std::string_view text);

  /// Replaces the status line. ASCII, one line; what exceeds the terminal's width is cut.
  void set_status(std::string text);

  /// Takes the status line away.
  void clear_status();

 private:
  std::string drawn_status() const;
  void write(const std::string& bytes);

  std::ostream& stream_;
  const std::function<int()> columns_;
  std::mutex mutex_;
  std::string status_;  // guarded by mutex_, like the stream
};

}  // namespace fibflow::pipeline
