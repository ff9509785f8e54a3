#pragma once

// Internal to pipeline/live: live_run.cpp runs, live_run_tell.cpp tells the user, live_run_end.cpp concludes and reports.

#include <atomic>
#include <chrono>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/live/live_output.h"
#include "pipeline/live/live_session.h"
#include "pipeline/live/patient_writer.h"
#include "pipeline/live/silence.h"
#include "pipeline/live/stop_deadline.h"
#include "pipeline/live/watch.h"
#include "pipeline/live/watch_report.h"
#include "pipeline/live/watch_state.h"
#include "pipeline/live/watch_status.h"
#include "pipeline/report/run_facts.h"
#include "pipeline/state/folder_lock.h"

namespace fibflow::pipeline {

/// One live run.
class LiveRun {
 public:
  LiveRun(const model::Network& network, const WatchOptions& options, const InputOptions& input,
          ResolvedOptions resolved, WatchServices services);

  WatchEnd run();

 private:
  using Clock = std::chrono::steady_clock;

  void resume();
  void retry_left_out();
  bool follow();
  bool stopping() const { return services_.stop.stop_requested(); }
  void look_for_end();
  std::optional<AcquiredSlice> take();
  bool begin();
  void tell_warnings();
  io::StackInfo slices() const;
  std::vector<EncodedPreview> kept_previews() const;
  RunReport::Seconds seconds_so_far() const;
  bool segment();
  void look_again();
  void happened(const RunEvent& event);
  void warn_of(const RunEvent& event);
  void write_down(const JournalEntry& line);
  void finish();
  std::optional<io::Slice> next_slice();
  void was_segmented(const SegmentSession::Done& done);
  void count_done(const JournalEntry& entry);
  void doubt_result();
  void tell_now_and_then();
  std::string spoken_wait() const;
  void tell_first_wait(const std::string& reason);
  void save();
  void conclude();
  void remove_stop_file() const;
  void write_stacks();
  WatchReport report();

  void took_note(const AcquisitionNote& note);
  void keep_note(const AcquisitionNote& note);

  const model::Network& network_;
  const WatchOptions options_;
  const InputOptions input_;
  const ResolvedOptions resolved_;
  WatchServices services_;
  StopDeadline stop_deadline_;
  RunHooks hooks_;
  RunContext context_;
  const nodes::PredictionFormat format_;
  WatchStatus status_;
  PatientWriter writer_;
  LiveOutput output_;
  FolderLock output_lock_;
  WatchState state_;
  Acquisition acquisition_;
  std::optional<LiveSession> live_;
  const Clock::time_point start_ = Clock::now();
  RunReport::Seconds before_;                    // of the run's earlier parts, and of the start
  std::chrono::duration<double> segmenting_{0};  // in this process
  std::optional<Clock::time_point> burst_;       // since when, if slices are being segmented
  const std::string started_ = utc_now();
  bool closing_ = false;
  Silence silence_;
  bool looked_at_all_ = false;      // of the folder, since silence lasts for long
  std::uint64_t acquisitions_ = 0;  // how often the acquisition began again

  std::vector<AcquiredSlice> first_;  // until there are enough to begin
  std::deque<AcquiredSlice> begun_;   // the same, on their way into the session

  std::mutex mutex_;  // the reader and the writer of a burst are two threads; it guards what follows
  std::deque<AcquiredSlice> in_flight_;
  Acquisition::Counts counts_;
  std::vector<JournalEntry> decisions_;  // numbers that were left out

  /// The estimate has begun anew, and nobody has looked yet whether that helps.
  std::atomic<bool> changed_{false};

  // Of the writer, and between bursts.
  std::vector<RunEvent> events_;
  // On the disk, all of them; each one is in the journal.
  std::uint64_t done_ = 0;
  SliceSums sums_;
  std::string first_file_;          // of those
  JournalEntry last_done_;          // of those, if there is one
  std::uint64_t saved_ = 0;         // of those, acknowledged
  bool doubted_result_ = false;     // looked whether all of them are background, or foreground
  std::vector<LiveSlice> to_show_;  // not acknowledged yet
  WatchCheckpoint checkpoint_;      // after the last one of them
  Clock::time_point last_save_ = start_;
  Clock::time_point last_picture_;
  Clock::time_point last_told_ = start_;  // in the log, how things stand
  LiveState told_state_ = LiveState::waiting;
  std::string told_wait_;
  Clock::time_point last_told_wait_;
};

}  // namespace fibflow::pipeline
