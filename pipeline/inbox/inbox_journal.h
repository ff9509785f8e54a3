#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/inbox/inbox_folder.h"
#include "pipeline/state/journal.h"

namespace fibflow::pipeline {

/// What became of the stacks of an inbox: a journal, of which the last word on each stack is held in memory. Not thread-safe.
class InboxJournal {
 public:
  enum class State {
    begun,   ///< its output folder is taken
    done,    ///< its masks are there
    failed,  ///< it cannot be segmented
  };
  struct Entry {
    InboxStack stack;
    std::string output;  ///< its folder's name, in the output
    State state = State::begun;
    bool moved = false;  ///< out of the inbox, done or failed
    std::string reason;  ///< if it failed
  };

  /// Opens or makes it. What is damaged at its end is cut off: those stacks are segmented again, into other folders. Throws
  /// io::Error.
  explicit InboxJournal(const std::string& path);

  bool was_damaged() const { return was_damaged_; }

  /// Of exactly this stack; null if it never came.
  const Entry* find(const InboxStack& stack) const;
  /// The last word on each stack.
  const std::map<std::string, Entry>& entries() const { return entries_; }
  struct Counts {
    std::uint64_t done = 0;
    std::uint64_t failed = 0;  ///< but for names of which another stack is done: it was mended
  };
  Counts counts() const;
  /// Whether a stack has an output of this name.
  bool has_output(const std::string& output) const;

  /// Each is durable when it returns. Throws io::Error, and is then as it was before.
  void begin(const InboxStack& stack, const std::string& output);
  void end(const InboxStack& stack, State state, const std::string& reason = "");
  void moved(const InboxStack& stack);

 private:
  static std::string key_of(const InboxStack& stack) { return stack.name + '\0' + stack.fingerprint; }
  bool take(std::string_view line);
  void write(const Entry& entry);

  Journal journal_;
  std::map<std::string, Entry> entries_;  // by name and fingerprint
  bool was_damaged_ = false;
};

const char* name_of(InboxJournal::State state);

}  // namespace fibflow::pipeline
