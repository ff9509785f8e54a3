#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/live/status/latency.h"
#include "pipeline/live/status/slice_history.h"
#include "pipeline/pictures/live_picture.h"

namespace fibflow::pipeline {

enum class LiveState {
  starting,  ///< before the first look at the folder
  probing,   ///< collecting or measuring the first slices
  running,   ///< slices are being segmented
  waiting,   ///< nothing to do: the next slice is not there
  paused,    ///< slices could be segmented, but something is in the way: no room on the disk, ...
  ending,    ///< what is in flight is finished, then the daemon ends
};

const char* name_of(LiveState state);

/// Texts for the user, the last ones only; one that comes again is counted, not kept twice.
class WarningLog {
 public:
  struct Entry {
    std::chrono::system_clock::time_point last;
    std::uint64_t times = 1;
    std::string text;
  };
  static constexpr std::size_t capacity = 50;

  void add(std::string text, std::chrono::system_clock::time_point now = std::chrono::system_clock::now());

  const std::deque<Entry>& entries() const { return entries_; }  ///< the one that came last is last
  std::uint64_t count() const { return count_; }                 ///< of all that ever came

 private:
  std::deque<Entry> entries_;
  std::uint64_t count_ = 0;
};

/// How things stand at an inbox: slices are then those of the stack at work.
struct InboxStatus {
  struct Stack {
    std::string name;
    std::string state;   ///< "begun", "done", "failed"
    std::string output;  ///< name of its folder
    std::string reason;  ///< if it failed
  };
  static constexpr std::size_t capacity = 50;

  std::string stack;             ///< at work; empty: none is
  std::int64_t slices = 0;       ///< of it
  std::int64_t slices_done = 0;  ///< of those
  std::uint64_t done = 0;        ///< stacks
  std::uint64_t failed = 0;
  std::uint64_t waiting = 0;
  std::deque<Stack> last;  ///< at most `capacity`, the latest last

  void note(Stack one);
};

/// Everything that a daemon tells about itself. A plain value.
struct LiveStatus {
  struct Counts {
    std::uint64_t seen = 0;       ///< files that were taken for slices
    std::uint64_t processed = 0;  ///< masks on disk
    std::uint64_t pending = 0;    ///< complete or growing, not yet processed: the backlog
    std::uint64_t skipped = 0;    ///< numbers that never came
    std::uint64_t failed = 0;     ///< files that could not be segmented
    std::uint64_t late = 0;       ///< files that came after their number had been passed
    std::uint64_t overflows = 0;  ///< of inotify's queue, each followed by a full look at the folder
  };

  LiveState state = LiveState::starting;
  std::string reason;  ///< of waiting or pausing, for people: "slice 118 is not there yet", "no room on /out"
  std::string folder;  ///< that is followed
  std::string output;
  std::string model;      ///< file
  std::string numbering;  ///< how slices are numbered, for people; empty before it is decided
  std::string options;    ///< on one line (one_line())
  std::chrono::system_clock::time_point started;
  Counts counts;
  Latencies latency;
  SliceHistory slices;
  std::optional<std::int64_t> newest_slice;  ///< z of the last mask on disk
  std::string adaptation;                    ///< "adapting", "frozen", "none"; empty before the probe
  std::optional<double> drift_from_source;   ///< of the running statistics, per channel
  double voxels_per_slice = 0;               ///< 0 if not known yet
  std::size_t resident_memory = 0;           ///< bytes, now
  std::size_t memory_budget = 0;             ///< bytes
  std::optional<std::uint64_t> disk_free;    ///< bytes, where the output goes
  WarningLog warnings;
  std::optional<InboxStatus> inbox;    ///< if it serves one
  std::optional<LivePicture> picture;  ///< of the newest slice, or of one not much older
};

/// For a line in a list of services: "waiting: slice 118 is not there yet; 117 done, 3 pending".
std::string one_line(const LiveStatus& status);

/// Where the daemon writes what it is doing, and others read it. Thread-safe.
class StatusBoard {
 public:
  /// One state of the board: what was changed later is not in it.
  struct Posted {
    std::uint64_t version = 0;  ///< grows with each change
    std::shared_ptr<const LiveStatus> status;
  };

  explicit StatusBoard(LiveStatus status = {});

  /// Changes the status in place, under the board's lock: `change` should only assign. If it throws, what it had
  /// changed stays, and is published.
  void change(const std::function<void(LiveStatus& status)>& change);

  /// The status as it is now. Cheap if nothing changed since the last call: copies are made for readers only.
  Posted latest() const;
  std::uint64_t version() const;

  /// Waits until the board has another version than `seen`, at most `timeout`, and returns the version.
  std::uint64_t wait_for_change(std::uint64_t seen, std::chrono::milliseconds timeout) const;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  LiveStatus status_;  // this and what follows is guarded by mutex_
  std::uint64_t version_ = 1;
  mutable Posted posted_;  // the last copy made
};

}  // namespace fibflow::pipeline
