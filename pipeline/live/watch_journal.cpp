#include "pipeline/live/watch_journal.h"

#include <algorithm>
#include <array>
#include <locale>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include "io/error.h"
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
  return line.str();
}

/// Nothing if that is none.
std::optional<JournalEntry> entry_of(std::string_view text) {
  std::istringstream line{std::string(text)};
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

}  // namespace

WatchJournal::WatchJournal(const std::string& path, std::uint64_t acknowledged) : journal_(path) {
  if (journal_.bytes() < acknowledged) {
    throw io::Error(io::ErrorKind::bad_data, path,
                    "has " + std::to_string(journal_.bytes()) + " bytes, its checkpoint knows " +
                        std::to_string(acknowledged) + ": the state is not whole");
  }
  bool had_one = false;
  std::uint64_t good = 0;  // bytes, up to the first line that is no entry
  bool ended = false;
  journal_.read([&](const Journal::Line& line) {
    const auto entry = ended ? std::nullopt : entry_of(line.text);
    ended = !entry;
    if (!entry) return;
    good = line.end;
    had_one = had_one || entry->kind == Kind::kept;
  });
  if (good < acknowledged)
    throw io::Error(io::ErrorKind::bad_data, path, "is damaged at byte " + std::to_string(good));
  const bool has_lost_it = acknowledged == 0 && had_one;
  const auto is_kept = [&](const Journal::Line& line, const JournalEntry& entry) {
    return has_lost_it || line.begin < acknowledged || is_decision(entry.kind);
  };
  bool all_kept = good == journal_.bytes();
  journal_.read(
      [&](const Journal::Line& line) {
        JournalEntry entry = *entry_of(line.text);
        if (!is_kept(line, entry)) {
          all_kept = false;
          return;
        }
        if (entry.kind == Kind::retried) forget_left_out(entry.first);
        if (entry.kind != Kind::taken) entries_.push_back(std::move(entry));
      },
      good);
  if (all_kept) return;
  journal_.keep_only(
      [&](const Journal::Line& line) { return line.end <= good && is_kept(line, *entry_of(line.text)); });
}

void WatchJournal::visit_taken(const std::function<void(const JournalEntry& entry)>& visit) const {
  const std::uint64_t whole = journal_.read([&](const Journal::Line& line) {
    if (!line.text.starts_with("taken ")) return;
    if (const auto entry = entry_of(line.text)) visit(*entry);
  });
  if (whole != journal_.bytes())
    throw io::Error(io::ErrorKind::bad_data, journal_.path(), "is damaged at byte " + std::to_string(whole));
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

void WatchJournal::append(const JournalEntry& entry) {
  journal_.append(line_of(entry));
}

}  // namespace fibflow::pipeline
