#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/live/acquisition.h"
#include "pipeline/report/run_report.h"

namespace fibflow::pipeline {

/// One line of a journal.
struct JournalEntry {
  enum class Kind {
    numbered,  ///< how files are numbered: `file.name` is io::SliceNumbering::saved(), `last` the step
    first,     ///< the acquisition begins with number `first`
    taken,     ///< number `first` was segmented from `file`, and its mask is on the disk
    skipped,   ///< numbers `first` to `last` are left out: they never came
    failed,    ///< number `first` is left out: `file` cannot be used
    event,     ///< something happened to the statistics after number `first`
    kept,      ///< the first checkpoint is on the disk: from now on there is always one
    retried,   ///< what was left out from number `first` on is tried again
  };
  Kind kind = Kind::first;
  std::int64_t first = 0;
  std::int64_t last = 0;
  AcquisitionPast::File file;
  SliceRecord record;  ///< of a slice that was taken
  double latency = 0;  ///< of a slice that was taken, seconds
  RunEvent event;
};

/// A line of a journal: its checksum, the text (without a line break), and the end of the line.
std::string checked_line(const std::string& text);

/// What became of every slice of a live acquisition, as a file of text that only grows: one line for each slice or gap,
/// each with a checksum. A checkpoint says how many of its bytes belong to it. Lines beyond them may tell of slices that
/// will be done again, but decisions hold: what was said to be left out is left out after a restart, too.
/// Not thread-safe.
class WatchJournal {
 public:
  /// Opens or makes the journal, `acknowledged` bytes of which belong to the checkpoint (0 without one). Takes out what
  /// is beyond them but for decisions; where there is no checkpoint any more, though there was one, it keeps all that is whole.
  /// Throws io::Error: bad_data if the acknowledged bytes are not there and whole.
  WatchJournal(std::string path, std::uint64_t acknowledged);
  ~WatchJournal();
  WatchJournal(const WatchJournal&) = delete;
  WatchJournal& operator=(const WatchJournal&) = delete;

  /// What the journal held when it was opened.
  const std::vector<JournalEntry>& entries() const { return entries_; }

  /// Takes back that numbers from `first` on are left out; durable when it returns. Throws io::Error.
  void retry(std::int64_t first);

  /// Whether there has been a checkpoint.
  bool had_checkpoint() const;

  /// Adds a line. Durable only after sync(). Throws io::Error, and is then as it was before.
  void append(const JournalEntry& entry);
  /// Throws io::Error if the disk failed. What the system was to write then may be lost though a second call would succeed:
  /// it is written anew, into a new file.
  void sync();

  std::uint64_t bytes() const { return bytes_; }

 private:
  void open();
  void forget_left_out(std::int64_t first);
  void write_anew();

  std::string path_;
  int descriptor_ = -1;
  std::uint64_t bytes_ = 0;
  std::string unsynced_;     // the lines at its end that may not be on the disk
  bool distrusted_ = false;  // a sync failed
  std::vector<JournalEntry> entries_;
};

}  // namespace fibflow::pipeline
