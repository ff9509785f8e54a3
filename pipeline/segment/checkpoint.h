#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "io/files/checked_file.h"
#include "model/tile/network.h"
#include "pipeline/adapt/segment_session.h"
#include "pipeline/report/run_records.h"
#include "pipeline/report/run_report.h"
#include "pipeline/report/run_state.h"
#include "pipeline/segment/slice_writer.h"

namespace fibflow::pipeline {

/// All that a segmentation needs to go on as if it had never stopped: after some slice, with the outputs as
/// long as they were then.
struct Checkpoint {
  /// Of its file, with the version of what is inside: raised when a reader of the one before would be misled.
  static constexpr const char* kind = "segmentation checkpoint 10";

  nlohmann::ordered_json setting;   ///< see segment_setting()
  RunState run;                     ///< after the last slice that counts
  SliceWriter::Progress outputs;    ///< with that slice
  std::uint64_t journal_bytes = 0;  ///< of the records, up to that slice

  /// Replaces the file. Throws io::Error.
  void write(const std::string& path, const io::DurableStep& step = {}) const;

  /// The newest one that is whole, with the records that belong to it; nothing if there is none. refusal: gets why an older one
  /// was taken, if so. Throws io::Error: bad_data if it is of another setting than `wanted`, or none is whole and fits such a
  /// network and lag; read_write.
  static std::optional<Checkpoint> read(const std::string& path, const nlohmann::ordered_json& wanted,
                                        const model::Network& network, int lag, std::string& refusal);
};

/// Where the checkpoint of a run that writes these masks is: hidden, beside them.
std::string checkpoint_path(const std::string& mask);

/// Where the records of its slices are (RunRecords).
std::string journal_path(const std::string& checkpoint);

/// Takes it away, then its records. Throws io::Error.
void remove_checkpoint(const std::string& checkpoint, const io::DurableStep& step = {});

/// Of a checkpoint that is gone: only space is lost if this cannot be.
void remove_records(const std::string& checkpoint);

/// Whether there is one, whole or not.
bool has_checkpoint(const std::string& mask);

/// The instruction set that a run which writes these masks was begun with; nothing if there is no checkpoint, or it cannot be read.
std::optional<std::string> begun_instruction_set(const std::string& mask);

/// When a run writes checkpoints, and what counts as done.
class CheckpointKeeper {
 public:
  /// Writes the first one at once: the run as it is, with no slice yet, or with those that it went on from.
  /// From then on the writer keeps its outputs; it and the records outlive the keeper. every: seconds; 0: after each slice.
  /// acknowledge: called for each slice that nothing can undo any more. Throws io::Error.
  CheckpointKeeper(std::string path, double every, Checkpoint run, SliceWriter& writer, RunRecords& records,
                   io::DurableStep step, std::function<void()> acknowledge);

  /// A slice was given to the writer and to the records.
  void was_written(const SegmentSession::Done& done, const RunReport::Seconds& seconds);

  /// Makes what was written durable: syncs the outputs and the records, then writes the checkpoint, then acknowledges. Does
  /// nothing if it is. Throws io::Error.
  void keep();

  /// Slices that are safe.
  std::int64_t safe() const { return safe_; }

 private:
  using Clock = std::chrono::steady_clock;
  std::string path_;
  double every_;
  Checkpoint latest_;
  SliceWriter& writer_;
  RunRecords& records_;
  io::DurableStep step_;
  std::function<void()> acknowledge_;
  std::int64_t safe_ = 0;
  bool written_ = false;  // the checkpoint is, as it is in latest_
  Clock::time_point last_ = Clock::now();
};

}  // namespace fibflow::pipeline
