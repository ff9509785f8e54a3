#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "pipeline/live/acquisition.h"
#include "pipeline/report/slice_record.h"
#include "pipeline/state/journal.h"

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

/// What became of every slice of a live acquisition: a journal with one line for each slice or gap. A checkpoint says how many of
/// its bytes belong to it. Lines beyond them may tell of slices that will be done again, but decisions hold: what was said to
/// be left out is left out after a restart, too. Slices that were taken are on the disk only. Not thread-safe.
class WatchJournal {
 public:
  /// Opens or makes the journal, `acknowledged` bytes of which belong to the checkpoint (0 without one). Takes out what
  /// is beyond them but for decisions; where there is no checkpoint any more, though there was one, it keeps all that is whole.
  /// Throws io::Error: bad_data if the acknowledged bytes are not there and whole.
  WatchJournal(const std::string& path, std::uint64_t acknowledged);

  /// What the journal held when it was opened, but for the slices that were taken.
  const std::vector<JournalEntry>& entries() const { return entries_; }

  /// The slices that were taken, in their order, with those that were added since. Throws io::Error.
  void visit_taken(const std::function<void(const JournalEntry& entry)>& visit) const;

  /// Takes back that numbers from `first` on are left out; durable when it returns. Throws io::Error.
  void retry(std::int64_t first);

  /// Whether there has been a checkpoint.
  bool had_checkpoint() const;

  /// Adds a line. Durable only after sync(). Throws io::Error, and is then as it was before.
  void append(const JournalEntry& entry);
  /// As Journal::sync().
  void sync() { journal_.sync(); }

  std::uint64_t bytes() const { return journal_.bytes(); }

 private:
  void forget_left_out(std::int64_t first);

  Journal journal_;
  std::vector<JournalEntry> entries_;
};

}  // namespace fibflow::pipeline
