#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/report/slice_record.h"
#include "pipeline/report/slice_sums.h"
#include "pipeline/state/journal.h"

namespace fibflow::pipeline {

/// What happened to each slice of a run, and to the statistics between them, in memory that does not grow with the slices.
/// One thread at a time.
class RunRecords {
 public:
  /// So many records are held in memory before there is a file.
  static constexpr std::size_t in_memory = 1024;

  /// In memory; if they are many, in a file without a name in this folder.
  explicit RunRecords(std::string folder);

  /// In a journal that outlives the process: `known` bytes of it belong to the run, what is beyond them is cut off. Throws
  /// io::Error (bad_data) if those are not there and whole.
  RunRecords(const std::string& path, std::uint64_t known);

  /// Throws io::Error.
  void add(const SliceRecord& slice);
  void add(const RunEvent& event);

  /// Makes the journal durable. Throws io::Error.
  void sync();
  /// Of the journal; 0 without one.
  std::uint64_t bytes() const { return journal_ && is_kept_ ? journal_->bytes() : 0; }

  const SliceSums& sums() const { return sums_; }
  /// Each needs some slices to happen: there are few.
  const std::vector<RunEvent>& events() const { return events_; }
  /// Throws io::Error.
  void visit(const TakeSliceRecord& take) const;

 private:
  void took(const std::string& line);

  std::string folder_;
  bool is_kept_ = false;
  std::unique_ptr<Journal> journal_;
  std::vector<SliceRecord> latest_;  // those that are not in the journal
  SliceSums sums_;
  std::vector<RunEvent> events_;
};

/// Whether that many bytes of a journal of records are there and whole, with the records of so many slices. Throws
/// std::invalid_argument that says what is wrong, and io::Error.
void require_records(const std::string& path, std::uint64_t bytes, std::int64_t slices);

}  // namespace fibflow::pipeline
