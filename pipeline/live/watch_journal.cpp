#include "pipeline/live/watch_journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <locale>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include "io/error.h"
#include "io/files/atomic_file.h"
#include "io/files/contents.h"
#include "pipeline/report/run_parts.h"

namespace fibflow::pipeline {
namespace {

using Kind = JournalEntry::Kind;

constexpr std::array<std::pair<Kind, const char*>, 8> words = {{{Kind::numbered, "numbered"},
                                                                {Kind::first, "first"},
                                                                {Kind::taken, "taken"},
                                                                {Kind::skipped, "skipped"},
                                                                {Kind::failed, "failed"},
                                                                {Kind::event, "event"},
                                                                {Kind::kept, "kept"},
                                                                {Kind::retried, "retried"}}};

/// Holds after a restart, though the slices after it may be done again.
bool is_decision(Kind kind) {
  return kind != Kind::taken && kind != Kind::event;
}

// FNV-1a (Fowler, Noll, Vo), 64 bits: against lines that were not written to their end, not against forgery.
std::uint64_t checksum(std::string_view text) {
  std::uint64_t sum = 0xcbf29ce484222325u;
  for (const char c : text) sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return sum;
}

std::string hex(std::uint64_t value) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(value));
  return text.data();
}

/// A name may hold any byte; in a line it must not have blanks or line breaks.
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

std::string line_of(const JournalEntry& entry) {
  std::ostringstream line;
  line.imbue(std::locale::classic());
  line.precision(17);
  for (const auto& [kind, word] : words) {
    if (kind == entry.kind) line << word;
  }
  line << ' ' << entry.first << ' ' << entry.last;
  if (entry.kind == Kind::taken || entry.kind == Kind::failed) {
    line << ' ' << entry.file.size << ' ' << entry.file.modified_ns << ' ' << escaped(entry.file.name);
  }
  if (entry.kind == Kind::numbered) line << ' ' << escaped(entry.file.name);
  if (entry.kind == Kind::taken) {
    line << ' ' << entry.latency << ' ' << json_of(entry.record).dump();
  }
  if (entry.kind == Kind::event) {
    line << ' ' << escaped(entry.event.event) << ' ' << escaped(entry.event.text);
  }
  return checked_line(line.str());
}

/// Nothing if the line, without its break, is not whole.
std::optional<JournalEntry> entry_of(std::string_view text) {
  if (text.size() < 18 || text[16] != ' ' || text.substr(0, 16) != hex(checksum(text.substr(17)))) {
    return std::nullopt;
  }
  std::istringstream line{std::string(text.substr(17))};
  line.imbue(std::locale::classic());
  JournalEntry entry;
  std::string word;
  line >> word >> entry.first >> entry.last;
  bool known = false;
  for (const auto& [kind, its_word] : words) {
    if (word != its_word) continue;
    entry.kind = kind;
    known = true;
  }
  if (entry.kind == Kind::taken || entry.kind == Kind::failed) {
    std::string name;
    line >> entry.file.size >> entry.file.modified_ns >> name;
    entry.file.name = unescaped(name);
  }
  if (entry.kind == Kind::numbered) {
    std::string form;
    line >> form;
    entry.file.name = unescaped(form);
  }
  if (entry.kind == Kind::taken) {
    std::string record;
    line >> entry.latency >> record;
    try {
      entry.record = slice_record(nlohmann::ordered_json::parse(record));
    } catch (const std::exception&) {
      return std::nullopt;
    }
  }
  if (entry.kind == Kind::event) {
    std::string name, words_of_it;
    line >> name >> words_of_it;
    entry.event = {entry.first, unescaped(name), unescaped(words_of_it)};
  }
  return known && line ? std::optional(entry) : std::nullopt;
}

[[noreturn]] void fail(const std::string& path, const std::string& what, int code) {
  throw io::Error(io::ErrorKind::read_write, path, what + ": " + std::strerror(code), code);
}

}  // namespace

std::string checked_line(const std::string& text) {
  return hex(checksum(text)) + " " + text + "\n";
}

WatchJournal::WatchJournal(std::string path, std::uint64_t acknowledged) : path_(std::move(path)) {
  const std::string text = io::contents_if_there(path_).value_or("");
  if (text.size() < acknowledged) {
    throw io::Error(io::ErrorKind::bad_data, path_,
                    "has " + std::to_string(text.size()) + " bytes, its checkpoint knows " +
                        std::to_string(acknowledged) + ": the state is not whole");
  }
  std::vector<std::pair<JournalEntry, std::string_view>> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    const auto entry = end == std::string::npos ? std::nullopt : entry_of({text.data() + at, end - at});
    if (!entry && at < acknowledged)
      throw io::Error(io::ErrorKind::bad_data, path_, "is damaged at byte " + std::to_string(at));
    if (!entry) break;
    lines.emplace_back(*entry, std::string_view(text).substr(at, end + 1 - at));
    at = end + 1;
  }
  const bool has_lost_it = acknowledged == 0 && std::ranges::any_of(lines, [](const auto& line) {
                             return line.first.kind == Kind::kept;
                           });
  std::string kept;
  for (auto& [entry, line] : lines) {
    const bool sure = has_lost_it || static_cast<std::size_t>(line.data() - text.data()) < acknowledged;
    if (!sure && !is_decision(entry.kind)) continue;
    kept += line;
    if (entry.kind == Kind::retried) forget_left_out(entry.first);
    entries_.push_back(std::move(entry));
  }
  if (kept != text || text.empty()) {
    io::AtomicFile whole(path_, true);
    whole.write(kept.data(), kept.size());
    whole.commit();
  }
  open();
  bytes_ = kept.size();
}

void WatchJournal::open() {
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (descriptor_ < 0) fail(path_, "cannot be opened", errno);
}

void WatchJournal::forget_left_out(std::int64_t first) {
  std::erase_if(entries_, [first](const JournalEntry& entry) {
    return (entry.kind == Kind::failed || entry.kind == Kind::skipped) && entry.first >= first;
  });
}

void WatchJournal::retry(std::int64_t first) {
  JournalEntry entry;
  entry.kind = Kind::retried;
  entry.first = entry.last = first;
  append(entry);
  sync();
  forget_left_out(first);
}

bool WatchJournal::had_checkpoint() const {
  return std::ranges::any_of(entries_, [](const JournalEntry& entry) { return entry.kind == Kind::kept; });
}

WatchJournal::~WatchJournal() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void WatchJournal::append(const JournalEntry& entry) {
  const std::string line = line_of(entry);
  for (std::size_t done = 0; done < line.size();) {
    const ssize_t put = ::write(descriptor_, line.data() + done, line.size() - done);
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
  unsynced_ += line;
}

void WatchJournal::sync() {
  if (distrusted_) return write_anew();
  if (::fdatasync(descriptor_) != 0) {
    distrusted_ = true;
    fail(path_, "cannot be brought to the disk", errno);
  }
  unsynced_.clear();
}

void WatchJournal::write_anew() {
  std::string text = io::contents_if_there(path_).value_or("");
  const std::uint64_t sure = bytes_ - unsynced_.size();
  if (text.size() < sure) throw io::Error(io::ErrorKind::read_write, path_, "was cut short");
  text.resize(sure);
  text += unsynced_;
  io::AtomicFile whole(path_, true);
  whole.write(text.data(), text.size());
  whole.commit();
  ::close(std::exchange(descriptor_, -1));
  open();
  distrusted_ = false;
  unsynced_.clear();
}

}  // namespace fibflow::pipeline
