#include "pipeline/inbox/inbox_folder.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include "io/error.h"
#include "io/files/file_identity.h"
#include "io/files/running_hash.h"
#include "io/folder/natural_order.h"
#include "io/format.h"
#include "io/formats/formats.h"
#include "pipeline/flow/spoken.h"

namespace fibflow::pipeline {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

// Between two tries to read a stack that cannot be read and does not change.
constexpr milliseconds first_pause{250};
constexpr milliseconds longest_pause{15'000};

/// Whether a file's name says that it is of a format that is read.
bool is_stack_file(const std::string& name) {
  return std::ranges::any_of(io::formats(),
                             [&](const io::Format* format) { return io::has_suffix(*format, name); });
}

/// Whether a file ends in so many zeros that its writer may not have filled it yet.
bool ends_in_zeros(const std::string& path) {
  constexpr std::size_t suspicious = 64;
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file || file.tellg() < static_cast<std::streamoff>(suspicious)) return false;
  file.seekg(-static_cast<std::streamoff>(suspicious), std::ios::end);
  std::array<char, suspicious> end{};
  file.read(end.data(), end.size());
  return file && std::ranges::all_of(end, [](char c) { return c == 0; });
}

}  // namespace

InboxFolder::InboxFolder(InboxFolderOptions options, std::set<std::string> excluded,
                         std::function<void(const std::string& text)> warn)
    : options_(std::move(options)),
      excluded_(std::move(excluded)),
      warn_(std::move(warn)),
      watch_(options_.folder, {true, options_.poll, options_.notify}) {
  const auto all_times = {options_.settle, options_.settle_folder, options_.wait_unreadable,
                          options_.wait_black};
  if (std::ranges::any_of(all_times, [](milliseconds time) { return time.count() < 0; }))
    throw std::invalid_argument("a time to wait cannot be negative");
  if (options_.poll.count() <= 0)
    throw std::invalid_argument("the time between two looks at the folder must be above 0");
  if (options_.marker.find('/') != std::string::npos || options_.marker.starts_with('.'))
    throw std::invalid_argument("the marker is the name of a file in a folder of slices, and not hidden");
}

void InboxFolder::look() {
  const io::FolderWatch::Changes changes = watch_.look();
  looked_ = true;
  // What is found with one look is of one time.
  const auto now = Clock::now();
  for (const std::string& file : changes.gone) note_file(file, now);
  for (const io::FolderWatch::File& file : changes.files) note_file(file.path, now);
}

/// A file came, changed or went.
void InboxFolder::note_file(const std::string& path, Clock::time_point now) {
  const auto slash = path.find('/');
  const bool in_folder = slash != std::string::npos;
  const std::string name = path.substr(0, slash);
  if (excluded_.contains(name) || (!in_folder && !is_stack_file(name))) return;
  last_news_ = now;
  const auto [place, is_new] = items_.try_emplace(name);
  Item& item = place->second;
  if (is_new) item.first_seen = now;
  item.is_folder = in_folder;
  item.changed = item.try_at = now;
  item.pause = milliseconds(0);
  item.trouble.clear();
  item.is_done = false;
  if (is_gone(name)) items_.erase(place);
}

/// Or an empty folder. False if it cannot be looked at.
bool InboxFolder::is_gone(const std::string& name) const {
  std::error_code failure;
  const fs::file_status status = fs::status(path_of(name), failure);
  if (status.type() == fs::file_type::not_found) return true;
  return status.type() == fs::file_type::directory && fs::is_empty(path_of(name), failure) && !failure;
}

std::optional<InboxStack> InboxFolder::identified(const std::string& name) const {
  const std::string path = path_of(name);
  std::vector<std::pair<std::string, io::FileIdentity>> files;
  std::error_code failure;
  if (fs::is_directory(path, failure)) {
    fs::recursive_directory_iterator entry(path, fs::directory_options::skip_permission_denied, failure);
    for (; !failure && entry != fs::recursive_directory_iterator(); entry.increment(failure)) {
      if (entry->path().filename().string().starts_with('.')) {
        if (entry->is_directory(failure)) entry.disable_recursion_pending();
        continue;
      }
      const std::string inside = entry->path().lexically_relative(path).string();
      if (inside == options_.marker) continue;
      if (const auto identity = io::identify(entry->path().string())) files.emplace_back(inside, *identity);
    }
    if (failure) return std::nullopt;
  } else if (const auto identity = io::identify(path)) {
    files.emplace_back("", *identity);
  }
  // One that is said to be complete is a stack, if of nothing.
  if (files.empty() && !fs::exists(path + "/" + options_.marker, failure)) return std::nullopt;
  std::ranges::sort(files, {}, [](const auto& file) { return file.first; });
  io::RunningHash hash;
  std::uint64_t bytes = 0;
  for (const auto& [inside, identity] : files) {
    hash.add(inside.c_str(), inside.size() + 1);
    hash.add(&identity.size, sizeof identity.size);
    hash.add(&identity.modified_ns, sizeof identity.modified_ns);
    bytes += identity.size;
  }
  std::array<char, 80> text{};
  std::snprintf(text.data(), text.size(), "%zu-%llu-%016llx", files.size(),
                static_cast<unsigned long long>(bytes), static_cast<unsigned long long>(hash.value()));
  return InboxStack{name, text.data()};
}

/// Whether nothing has happened to it for long enough; else `why` it is waited for.
bool InboxFolder::has_settled(const std::string& name, const Item& item, std::string& why) {
  const auto now = Clock::now();
  std::error_code ignored;
  const bool is_marked = item.is_folder && fs::exists(path_of(name) + "/" + options_.marker, ignored);
  const bool by_itself = item.is_folder && !is_marked && !closed_at_;
  const auto until = item.changed + (by_itself ? options_.settle_folder : options_.settle);
  if (now < until) {
    why = "'" + name + "' is being written";
    if (by_itself && now >= item.changed + options_.settle)
      why =
          "'" + name + "' may get more slices: a file '" + options_.marker + "' in it says that it does not";
    due(until);
    return false;
  }
  if (!item.is_folder && !closed_at_ && now < item.changed + options_.wait_black &&
      ends_in_zeros(path_of(name))) {
    why = "'" + name + "' ends in zeros: it may not be written to its end";
    due(item.changed + options_.wait_black);
    return false;
  }
  return true;
}

/// Why it cannot be used as it is; empty if it can.
std::string InboxFolder::trouble_with(const std::string& name, const Item& item, bool& is_one_slice) const {
  try {
    const auto stack = io::open_stack(path_of(name), options_.open);
    is_one_slice = !item.is_folder && stack->info().depth == 1;
    if (!is_one_slice) stack->require_readable({0, stack->info().depth});
    return "";
  } catch (const std::exception& error) {
    return error.what();
  }
}

InboxFolder::Fate InboxFolder::judge(const std::string& name, Item& item, InboxStack& stack,
                                     std::string& failure) {
  // Whoever writes it may be about to be done.
  constexpr int patience = 5;
  const bool out_of_patience = closed_at_ && Clock::now() >= *closed_at_ + patience * options_.settle;
  std::string why;
  if (!has_settled(name, item, why)) {
    obstacle_ = why;
    if (!out_of_patience) return Fate::waiting;
    failure = "it did not stop changing";
  } else if (Clock::now() < item.try_at && !closed_at_) {
    due(item.try_at);
    if (!item.trouble.empty()) obstacle_ = item.trouble;
    return Fate::waiting;
  }
  const auto found = identified(name);
  if (!found) return is_gone(name) || out_of_patience ? Fate::none : Fate::waiting;
  stack = *found;
  if (dismissed_.contains({name, stack.fingerprint})) return Fate::none;
  if (!failure.empty()) return Fate::given_up;
  bool is_one_slice = false;
  failure = trouble_with(name, item, is_one_slice);
  const auto now = Clock::now();
  if (identified(name) != found) {
    item.changed = now;
    due(now + options_.settle);
    return Fate::waiting;
  }
  if (is_one_slice) {
    if (!std::exchange(told_one_slice_, true)) {
      warn_("'" + name +
            "' has one slice: an inbox takes whole stacks, as a file or as a folder of slices; it is left "
            "alone, and so "
            "will be others");
    }
    return Fate::none;
  }
  if (failure.empty()) return Fate::complete;
  if (closed_at_ || now >= item.changed + options_.wait_unreadable) return Fate::given_up;
  item.pause = std::clamp(2 * item.pause, first_pause, longest_pause);
  item.try_at = now + item.pause;
  due(std::min(item.try_at, item.changed + options_.wait_unreadable));
  obstacle_ = failure;
  if (std::exchange(item.trouble, failure).empty()) {
    warn_(failure + ": it is given up if it does not change for " +
          spoken_duration(options_.wait_unreadable) + " (--wait-missing)");
  }
  return Fate::waiting;
}

std::optional<InboxFolder::Finding> InboxFolder::take() {
  due_ = Clock::time_point::max();
  look();
  if (!watch_.is_there()) {
    obstacle_ = options_.folder + " cannot be read: " + watch_.reason();
    return std::nullopt;
  }
  obstacle_ = "no stack is there";
  std::vector<std::string> names;
  for (const auto& [name, item] : items_) {
    if (!item.is_done) names.push_back(name);
  }
  std::ranges::sort(names, [&](const std::string& a, const std::string& b) {
    const auto& first = items_.at(a).first_seen;
    const auto& second = items_.at(b).first_seen;
    if (first != second) return first < second;
    const int order = io::natural_compare(a, b);
    return order != 0 ? order < 0 : a < b;
  });
  for (const std::string& name : names) {
    Item& item = items_.at(name);
    Finding finding;
    switch (judge(name, item, finding.stack, finding.failure)) {
      case Fate::complete:
      case Fate::given_up:
        return finding;
      case Fate::none:
        item.is_done = true;
        break;
      case Fate::waiting:
        break;
    }
  }
  return std::nullopt;
}

void InboxFolder::dismiss(const InboxStack& stack) {
  dismissed_.emplace(stack.name, stack.fingerprint);
}

void InboxFolder::wait(milliseconds longest, int wake) {
  const auto until_due =
      std::chrono::ceil<milliseconds>(std::min(due_, Clock::now() + longest) - Clock::now());
  watch_.wait(std::clamp(until_due, milliseconds(0), longest), wake);
}

void InboxFolder::close() {
  closed_at_ = Clock::now();
  looked_ = false;
  watch_.rescan();
}

bool InboxFolder::at_end() const {
  return closed_at_ && looked_ && (waiting() == 0 || !watch_.is_there());
}

std::size_t InboxFolder::waiting() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(items_, [](const auto& item) { return !item.second.is_done; }));
}

void InboxFolder::due(Clock::time_point time) {
  due_ = std::min(due_, time);
}

}  // namespace fibflow::pipeline
