#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace fibflow::testing {

/// What a terminal shows after some bytes: enough of one for carriage returns, newlines and "erase to the end
/// of line". Lines longer than the width wrap, as they do on a real terminal.
class Screen {
 public:
  explicit Screen(std::size_t width) : width_(width) {}

  void write(const std::string& bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (bytes.compare(i, 3, "\x1b[K") == 0) {
        lines_.back().resize(std::min(column_, lines_.back().size()));
        i += 2;
      } else if (bytes[i] == '\r') {
        column_ = 0;
      } else if (bytes[i] == '\n') {
        new_line();
      } else {
        if (column_ == width_) new_line();
        if (lines_.back().size() <= column_) lines_.back().resize(column_ + 1, ' ');
        lines_.back()[column_++] = bytes[i];
      }
    }
  }

  const std::vector<std::string>& lines() const { return lines_; }

 private:
  void new_line() {
    lines_.emplace_back();
    column_ = 0;
  }

  std::size_t width_;
  std::size_t column_ = 0;
  std::vector<std::string> lines_ = {""};
};

}  // namespace fibflow::testing
