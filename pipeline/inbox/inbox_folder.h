#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "io/files/folder_watch.h"
#include "io/stack.h"

namespace fibflow::pipeline {

/// How an inbox is looked at. Times are real time, measured by the steady clock.
struct InboxFolderOptions {
  std::string folder;
  io::OpenOptions open;
  /// A file with this name in a folder of slices says that all of them are there.
  std::string marker = "complete";
  std::chrono::milliseconds settle{2000};  ///< a stack that has not changed for so long may be complete
  std::chrono::milliseconds settle_folder{60'000};  ///< the same of a folder without a marker
  std::chrono::milliseconds poll{5000};             ///< between looks at the whole folder
  std::chrono::milliseconds wait_unreadable{
      600'000};  ///< for a stack that cannot be read, without any change of it
  std::chrono::milliseconds wait_black{60'000};  ///< for a file whose end is zero
  bool notify = true;                            ///< use inotify
};

/// A stack in an inbox.
struct InboxStack {
  std::string name;  ///< of the file or folder
  std::string
      fingerprint;  ///< of its files' names, sizes and times: a copy has the same one, another stack another one
  friend bool operator==(const InboxStack&, const InboxStack&) = default;
};

/// Finds the stacks in an inbox that are complete: files of the formats that are read, and folders of slices. Hidden ones are
/// left alone.
///
/// Complete: nothing about the stack has changed for `settle` (a folder without a marker: `settle_folder`), it does not end in
/// zeros (or has done so for `wait_black`), it can be opened, and so can all its files. What cannot be read is given up
/// when nothing about it has changed for `wait_unreadable`. A file with one slice is no stack, and left alone. One thread at
/// a time.
class InboxFolder {
 public:
  using Clock = std::chrono::steady_clock;

  struct Finding {
    InboxStack stack;
    std::string failure;  ///< why it cannot be used; empty if it can
  };

  /// warn: gets what its user should know. excluded: names in the folder that are none of its stacks.
  InboxFolder(InboxFolderOptions options, std::set<std::string> excluded,
              std::function<void(const std::string& text)> warn);

  /// The first stack, in the order in which they came, that is complete or given up; nothing if there is none now. Waits for
  /// nothing but the disk.
  std::optional<Finding> take();

  /// It is not given again unless it changes, or admit() is called.
  void dismiss(const InboxStack& stack);
  void admit(const InboxStack& stack) { dismissed_.erase({stack.name, stack.fingerprint}); }

  /// The stack as it is there now; nothing if it is not, or cannot be looked at.
  std::optional<InboxStack> identified(const std::string& name) const;

  void wait(std::chrono::milliseconds longest, int wake = -1);
  void rescan() { watch_.rescan(); }

  /// No more stacks will come: what does not stop changing is given up.
  void close();
  /// After close(): take() has given everything.
  bool at_end() const;

  std::string path_of(const std::string& name) const { return options_.folder + "/" + name; }
  bool folder_is_there() const { return watch_.is_there(); }
  /// What the last take() waits for, for people.
  const std::string& obstacle() const { return obstacle_; }
  /// Stacks that are there and were not given.
  std::size_t waiting() const;
  /// When something last came, or changed.
  Clock::time_point last_news() const { return last_news_; }

 private:
  struct Item {
    bool is_folder = false;
    Clock::time_point first_seen;
    Clock::time_point changed;
    Clock::time_point try_at;
    std::chrono::milliseconds pause{0};
    std::string trouble;   // why it cannot be read, since it changed
    bool is_done = false;  // dismissed, no stack, or gone; until it changes
  };
  enum class Fate { complete, given_up, waiting, none };

  void look();
  void note_file(const std::string& path, Clock::time_point now);
  Fate judge(const std::string& name, Item& item, InboxStack& stack, std::string& failure);
  bool has_settled(const std::string& name, const Item& item, std::string& why);
  std::string trouble_with(const std::string& name, const Item& item, bool& is_one_slice) const;
  bool is_gone(const std::string& name) const;
  void due(Clock::time_point time);

  const InboxFolderOptions options_;
  const std::set<std::string> excluded_;
  const std::function<void(const std::string& text)> warn_;
  io::FolderWatch watch_;
  std::map<std::string, Item> items_;                        // by name
  std::set<std::pair<std::string, std::string>> dismissed_;  // name and fingerprint
  std::string obstacle_;
  Clock::time_point last_news_ = Clock::now();
  Clock::time_point due_;
  std::optional<Clock::time_point> closed_at_;
  bool looked_ = false;
  bool told_one_slice_ = false;
};

}  // namespace fibflow::pipeline
