#include "pipeline/state/journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "io/error.h"

namespace fibflow::pipeline {
namespace {

constexpr std::size_t checksum_digits = 16;
/// Longer lines are no journal's: what has no line breaks is not read to its end.
constexpr std::size_t longest_line = std::size_t{1} << 20;

// FNV-1a (Fowler, Noll, Vo), 64 bits: against lines that were not written to their end, not against forgery.
std::uint64_t checksum(std::string_view text) {
  std::uint64_t sum = 0xcbf29ce484222325u;
  for (const char c : text) sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return sum;
}

std::string hex(std::uint64_t value) {
  std::array<char, checksum_digits + 1> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(value));
  return text.data();
}

/// Of a line without its break; nothing if it is not whole.
std::optional<std::string_view> text_of(std::string_view line) {
  if (line.size() <= checksum_digits || line[checksum_digits] != ' ') return std::nullopt;
  const std::string_view text = line.substr(checksum_digits + 1);
  if (line.substr(0, checksum_digits) != hex(checksum(text))) return std::nullopt;
  return text;
}

[[noreturn]] void fail(const std::string& path, const std::string& what, int code) {
  throw io::Error(io::ErrorKind::read_write, path, what + ": " + std::strerror(code), code);
}

/// Some bytes from a place on: all that are there of them.
std::size_t read_at(int descriptor, const std::string& path, char* data, std::size_t bytes,
                    std::uint64_t at) {
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t got = ::pread(descriptor, data + done, bytes - done, static_cast<off_t>(at + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(path, "cannot be read", errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

}  // namespace

std::string escaped(const std::string& name) {
  std::string text;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > ' ' && byte != '%' && byte != 0x7f) {
      text += c;
      continue;
    }
    std::array<char, 4> code{};
    std::snprintf(code.data(), code.size(), "%%%02x", byte);
    text += code.data();
  }
  return text.empty() ? "%" : text;
}

std::string unescaped(const std::string& text) {
  std::string name;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(&text[i + 1], &text[i + 3], byte, 16).ec == std::errc()) {
      name += static_cast<char>(byte);
      i += 2;
    } else if (text[i] != '%') {
      name += text[i];
    }
  }
  return name;
}

std::string checked_line(const std::string& text) {
  return hex(checksum(text)) + " " + text + "\n";
}

Journal::Journal(std::string path) : path_(std::move(path)) {
  std::error_code ignored;
  if (!std::filesystem::exists(path_, ignored))
    io::AtomicFile(path_, true).commit();  // its name is to last, too
  open();
}

Journal::Journal(const WithoutName& place) : path_(place.folder + "/records") {
  nameless_ = std::make_unique<io::AtomicFile>(path_, true);
  descriptor_ = nameless_->descriptor();
}

Journal::~Journal() {
  if (!nameless_ && descriptor_ >= 0) ::close(descriptor_);
}

void Journal::open() {
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor_ < 0) fail(path_, "cannot be opened", errno);
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) fail(path_, "cannot be looked at", errno);
  bytes_ = static_cast<std::uint64_t>(status.st_size);
}

std::uint64_t Journal::read(const std::function<void(const Line& line)>& take, std::uint64_t until) const {
  constexpr std::size_t step = std::size_t{1} << 16;
  std::vector<char> buffer(step);
  std::size_t held = 0;     // bytes of the buffer that are filled
  std::uint64_t place = 0;  // in the file, of the buffer's first byte
  until = std::min(until, bytes_);
  for (;;) {
    if (held == buffer.size()) {
      if (buffer.size() >= longest_line) return place;
      buffer.resize(2 * buffer.size());
    }
    const std::size_t got =
        read_at(descriptor_, path_, buffer.data() + held, buffer.size() - held, place + held);
    held += got;
    std::size_t begin = 0;
    while (const void* found = std::memchr(buffer.data() + begin, '\n', held - begin)) {
      const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - buffer.data());
      const auto text = text_of({buffer.data() + begin, end - begin});
      const std::uint64_t line_end = place + end + 1;
      if (!text || line_end > until) return place + begin;
      take({*text, place + begin, line_end});
      begin = end + 1;
      if (begin == held) break;
    }
    std::memmove(buffer.data(), buffer.data() + begin, held - begin);
    held -= begin;
    place += begin;
    if (got == 0) return place;
  }
}

void Journal::cut(std::uint64_t bytes) {
  if (::ftruncate(descriptor_, static_cast<off_t>(bytes)) != 0) fail(path_, "cannot be cut", errno);
  const std::uint64_t cut_off = bytes_ - bytes;
  unsynced_.resize(unsynced_.size() - std::min<std::uint64_t>(unsynced_.size(), cut_off));
  bytes_ = bytes;
}

void Journal::keep_only(const std::function<bool(const Line& line)>& keep) {
  io::AtomicFile whole(path_, true);
  read([&](const Line& line) {
    if (!keep(line)) return;
    const std::string kept = checked_line(std::string(line.text));
    whole.write(kept.data(), kept.size());
  });
  whole.commit();
  ::close(std::exchange(descriptor_, -1));
  open();
  unsynced_.clear();
  distrusted_ = false;
}

void Journal::append(const std::string& text) {
  const std::string line = checked_line(text);
  for (std::size_t done = 0; done < line.size();) {
    const ssize_t put =
        ::pwrite(descriptor_, line.data() + done, line.size() - done, static_cast<off_t>(bytes_ + done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      const int code = errno;
      // What there is of the line has no checksum: it would end the journal.
      if (::ftruncate(descriptor_, static_cast<off_t>(bytes_)) != 0) fail(path_, "cannot be cut", errno);
      fail(path_, "cannot be written", code);
    }
    done += static_cast<std::size_t>(put);
  }
  bytes_ += line.size();
  if (!nameless_) unsynced_ += line;
}

void Journal::sync() {
  if (nameless_) return;
  if (distrusted_) return write_anew();
  if (::fdatasync(descriptor_) != 0) {
    distrusted_ = true;
    fail(path_, "cannot be brought to the disk", errno);
  }
  unsynced_.clear();
}

void Journal::write_anew() {
  const std::uint64_t sure = bytes_ - unsynced_.size();
  io::AtomicFile whole(path_, true);
  std::vector<char> buffer(std::size_t{1} << 16);
  for (std::uint64_t at = 0; at < sure;) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), sure - at));
    const std::size_t got = read_at(descriptor_, path_, buffer.data(), wanted, at);
    if (got < wanted) throw io::Error(io::ErrorKind::read_write, path_, "was cut short");
    whole.write(buffer.data(), got);
    at += got;
  }
  whole.write(unsynced_.data(), unsynced_.size());
  whole.commit();
  ::close(std::exchange(descriptor_, -1));
  open();
  distrusted_ = false;
  unsynced_.clear();
}

}  // namespace fibflow::pipeline
