#include "pipeline/cli/terminal/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

namespace fibflow::pipeline {
namespace {

constexpr const char* erase_line = "\r\x1b[K";

}  // namespace

int terminal_columns(int descriptor) {
  if (isatty(descriptor) == 0) return 0;
  const char* kind = std::getenv("TERM");
  if (kind != nullptr && std::string_view(kind) == "dumb") return 0;
  winsize size = {};
  if (ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

Terminal::Terminal(std::ostream& stream, std::function<int()> columns)
    : stream_(stream), columns_(std::move(columns)) {}

Terminal::~Terminal() {
  clear_status();
}

void Terminal::print(std::string_view text) {
  const std::lock_guard lock(mutex_);
  std::string bytes;
  if (!status_.empty()) bytes += erase_line;
  bytes += text;
  if (!status_.empty()) bytes += drawn_status();
  write(bytes);
}

void Terminal::set_status(std::string text) {
  if (columns() == 0) return;
  const std::lock_guard lock(mutex_);
  status_ = std::move(text);
  write(drawn_status());
}

void Terminal::clear_status() {
  const std::lock_guard lock(mutex_);
  if (status_.empty()) return;
  status_.clear();
  write(erase_line);
}

std::string Terminal::drawn_status() const {
  // One column stays free: in the last one some terminals wrap at once.
  const int width = columns() - 1;
  const std::string visible = width > 0 ? status_.substr(0, static_cast<std::size_t>(width)) : std::string();
  return "\r" + visible + "\x1b[K";
}

// One write per update: stderr is unbuffered, and half an update would flicker.
void Terminal::write(const std::string& bytes) {
  stream_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  stream_.flush();
}

}  // namespace fibflow::pipeline
