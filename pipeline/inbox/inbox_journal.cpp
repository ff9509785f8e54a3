#include "pipeline/inbox/inbox_journal.h"

#include <algorithm>
#include <set>
#include <sstream>
#include <stdexcept>

namespace fibflow::pipeline {
namespace {

using State = InboxJournal::State;

constexpr State all_states[] = {State::begun, State::done, State::failed};

}  // namespace

const char* name_of(InboxJournal::State state) {
  switch (state) {
    case State::begun:
      return "begun";
    case State::done:
      return "done";
    case State::failed:
      return "failed";
  }
  return "";
}

InboxJournal::InboxJournal(const std::string& path) : journal_(path) {
  std::uint64_t good = 0;
  bool ended = false;
  journal_.read([&](const Journal::Line& line) {
    ended = ended || !take(line.text);
    if (!ended) good = line.end;
  });
  was_damaged_ = good != journal_.bytes();
  if (was_damaged_) journal_.cut(good);
}

/// STATE MOVED NAME FINGERPRINT OUTPUT REASON: the last one counts. False if it is none.
bool InboxJournal::take(std::string_view line) {
  std::istringstream words{std::string(line)};
  std::string state, moved, name, fingerprint, output, reason;
  words >> state >> moved >> name >> fingerprint >> output >> reason;
  const auto* known = std::ranges::find_if(all_states, [&](State s) { return state == name_of(s); });
  if (!words || known == std::end(all_states)) return false;
  Entry entry;
  entry.state = *known;
  entry.moved = moved == "moved";
  entry.stack = {unescaped(name), unescaped(fingerprint)};
  entry.output = unescaped(output);
  entry.reason = unescaped(reason);
  entries_[key_of(entry.stack)] = entry;
  return true;
}

const InboxJournal::Entry* InboxJournal::find(const InboxStack& stack) const {
  const auto found = entries_.find(key_of(stack));
  return found == entries_.end() ? nullptr : &found->second;
}

InboxJournal::Counts InboxJournal::counts() const {
  Counts counts;
  std::set<std::string_view> done;
  for (const auto& [key, entry] : entries_) {
    if (entry.state != State::done) continue;
    ++counts.done;
    done.insert(entry.stack.name);
  }
  for (const auto& [key, entry] : entries_) {
    if (entry.state == State::failed && !done.contains(entry.stack.name)) ++counts.failed;
  }
  return counts;
}

bool InboxJournal::has_output(const std::string& output) const {
  return std::ranges::any_of(entries_, [&](const auto& entry) { return entry.second.output == output; });
}

void InboxJournal::write(const Entry& entry) {
  journal_.append(std::string(name_of(entry.state)) + (entry.moved ? " moved " : " here ") +
                  escaped(entry.stack.name) + ' ' + escaped(entry.stack.fingerprint) + ' ' +
                  escaped(entry.output) + ' ' + escaped(entry.reason));
  journal_.sync();
  entries_[key_of(entry.stack)] = entry;
}

void InboxJournal::begin(const InboxStack& stack, const std::string& output) {
  write({stack, output, State::begun, false, ""});
}

void InboxJournal::end(const InboxStack& stack, State state, const std::string& reason) {
  const Entry* before = find(stack);
  write({stack, before != nullptr ? before->output : "", state, false, reason});
}

void InboxJournal::moved(const InboxStack& stack) {
  const Entry* before = find(stack);
  if (before == nullptr) throw std::logic_error("a stack that never came was moved");
  Entry entry = *before;
  entry.moved = true;
  write(entry);
}

}  // namespace fibflow::pipeline
