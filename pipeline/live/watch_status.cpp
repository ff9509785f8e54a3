#include "pipeline/live/watch_status.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "io/error.h"
#include "pipeline/live/status/status_json.h"

namespace fibflow::pipeline {
namespace {

constexpr std::chrono::seconds between_changes{1};
/// Each write makes the disk work; a file that says the same is not worth it.
constexpr std::chrono::seconds between_signs_of_life{15};

std::size_t resident_memory() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

WatchStatus::WatchStatus(StatusBoard& board, std::string output_folder)
    : board_(board), output_folder_(std::move(output_folder)) {}

void WatchStatus::show(LiveState state, const std::string& reason) {
  const bool changed = change(state, reason);
  {
    const std::lock_guard lock(mutex_);
    changed_ |= changed;
    if (Clock::now() - last_ < (changed_ ? between_changes : between_signs_of_life)) return;
  }
  write_file();
}

void WatchStatus::write(LiveState state, const std::string& reason) {
  change(state, reason);
  write_file();
}

/// Whether that is news.
bool WatchStatus::change(LiveState state, const std::string& reason) {
  {
    const std::lock_guard lock(mutex_);
    if (ending_ && state != LiveState::paused) state = LiveState::ending;
  }
  const auto status = board_.latest().status;
  if (status->state == state && status->reason == reason) return false;
  board_.change([&](LiveStatus& now) {
    now.state = state;
    now.reason = reason;
  });
  return true;
}

void WatchStatus::begin_to_end() {
  const std::lock_guard lock(mutex_);
  ending_ = true;
}

void WatchStatus::warn(const std::string& text) {
  board_.change([&](LiveStatus& status) { status.warnings.add(text); });
  const std::lock_guard lock(mutex_);
  changed_ = true;
}

void WatchStatus::show_counts(const Acquisition::Counts& counts, std::size_t waiting) {
  std::error_code failure;
  const auto space = std::filesystem::space(output_folder_, failure);
  const std::size_t resident = resident_memory();
  const LiveStatus::Counts before = board_.latest().status->counts;
  {
    const std::lock_guard lock(mutex_);
    changed_ |= before.seen != counts.seen || before.pending != counts.pending + waiting ||
                before.skipped != counts.skipped || before.failed != counts.failed ||
                before.late != counts.late;
  }
  board_.change([&](LiveStatus& status) {
    status.counts.seen = counts.seen;
    status.counts.pending = counts.pending + waiting;
    status.counts.skipped = counts.skipped;
    status.counts.failed = counts.failed;
    status.counts.late = counts.late;
    status.counts.overflows = counts.overflows;
    status.resident_memory = resident;
    if (!failure) status.disk_free = space.available;
  });
}

void WatchStatus::write_file() {
  const std::lock_guard lock(mutex_);
  last_ = Clock::now();
  changed_ = false;
  try {
    write_status(*board_.latest().status, output_folder_ + "/status.json");
  } catch (const io::Error&) {
  }
}

}  // namespace fibflow::pipeline
