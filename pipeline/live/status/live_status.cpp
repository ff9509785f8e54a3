#include "pipeline/live/status/live_status.h"

#include <algorithm>
#include <utility>

namespace fibflow::pipeline {

const char* name_of(LiveState state) {
  switch (state) {
    case LiveState::starting:
      return "starting";
    case LiveState::probing:
      return "probing";
    case LiveState::running:
      return "running";
    case LiveState::waiting:
      return "waiting";
    case LiveState::paused:
      return "paused";
    case LiveState::ending:
      return "ending";
  }
  return "";
}

void WarningLog::add(std::string text, std::chrono::system_clock::time_point now) {
  ++count_;
  Entry entry{now, 1, std::move(text)};
  const auto same = std::find_if(entries_.begin(), entries_.end(),
                                 [&](const Entry& earlier) { return earlier.text == entry.text; });
  if (same != entries_.end()) {
    entry.times = same->times + 1;
    entries_.erase(same);
  }
  entries_.push_back(std::move(entry));
  if (entries_.size() > capacity) entries_.pop_front();
}

void InboxStatus::note(Stack one) {
  std::erase_if(
      last, [&](const Stack& earlier) { return earlier.name == one.name && earlier.output == one.output; });
  last.push_back(std::move(one));
  if (last.size() > capacity) last.pop_front();
}

std::string one_line(const LiveStatus& status) {
  std::string line = name_of(status.state);
  if (!status.reason.empty()) line += ": " + status.reason;
  if (const auto& inbox = status.inbox) {
    if (!inbox->stack.empty()) {
      line += "; " + inbox->stack + " " + std::to_string(inbox->slices_done) + " of " +
              std::to_string(inbox->slices) + " slices";
    }
    line +=
        "; " + std::to_string(inbox->done) + " stacks done, " + std::to_string(inbox->waiting) + " waiting";
    if (inbox->failed > 0) line += ", " + std::to_string(inbox->failed) + " failed";
    return line;
  }
  line += "; " + std::to_string(status.counts.processed) + " done, " + std::to_string(status.counts.pending) +
          " pending";
  if (const std::uint64_t lost = status.counts.skipped + status.counts.failed; lost > 0) {
    line += ", " + std::to_string(lost) + " left out";
  }
  return line;
}

StatusBoard::StatusBoard(LiveStatus status) : status_(std::move(status)) {}

void StatusBoard::change(const std::function<void(LiveStatus& status)>& change) {
  const std::lock_guard lock(mutex_);
  ++version_;
  changed_.notify_all();
  change(status_);
}

StatusBoard::Posted StatusBoard::latest() const {
  const std::lock_guard lock(mutex_);
  if (posted_.version != version_) posted_ = {version_, std::make_shared<const LiveStatus>(status_)};
  return posted_;
}

std::uint64_t StatusBoard::version() const {
  const std::lock_guard lock(mutex_);
  return version_;
}

std::uint64_t StatusBoard::wait_for_change(std::uint64_t seen, std::chrono::milliseconds timeout) const {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, timeout, [&] { return version_ != seen; });
  return version_;
}

}  // namespace fibflow::pipeline
