#include <algorithm>
#include <filesystem>
#include <system_error>

#include "io/error.h"
#include "pipeline/flow/interruption.h"
#include "pipeline/flow/spoken.h"
#include "pipeline/live/live_run.h"
#include "pipeline/report/run_facts.h"
#include "pipeline/report/run_summary.h"

namespace fibflow::pipeline {

namespace fs = std::filesystem;

namespace {

/// How the journal keeps a note; nothing if it does not.
std::optional<JournalEntry::Kind> kind_of(AcquisitionNote::Kind kind) {
  switch (kind) {
    case AcquisitionNote::Kind::numbered:
      return JournalEntry::Kind::numbered;
    case AcquisitionNote::Kind::first:
      return JournalEntry::Kind::first;
    case AcquisitionNote::Kind::skipped:
      return JournalEntry::Kind::skipped;
    case AcquisitionNote::Kind::failed:
      return JournalEntry::Kind::failed;
    default:
      return std::nullopt;
  }
}

}  // namespace

/// Ends a run over an acquisition that is over.
void LiveRun::conclude() {
  if (done_ == 0) {
    remove_stop_file();
    if (!acquisition_.refusal().empty()) {
      throw io::Error(io::ErrorKind::bad_data, options_.acquisition.folder, acquisition_.refusal());
    }
    throw io::Error(io::ErrorKind::missing, options_.acquisition.folder, "no slice came");
  }
  if (const auto left = acquisition_.counts().pending; left > 0 && !acquisition_.folder_is_there()) {
    const std::string text = acquisition_.obstacle() + ": " + std::to_string(left) +
                             " slices that were there are not segmented; the same command goes on with them";
    services_.warn(text);
    status_.warn(text);
  }
  status_.show(LiveState::ending, "writing the stacks");
  write_stacks();
  for (const std::string& line : summary_of(report().run)) services_.log(line);
  const Acquisition::Counts counts = acquisition_.counts();
  services_.log(std::to_string(done_) + " slices segmented, " + std::to_string(counts.skipped) +
                " never came, " + std::to_string(counts.failed) + " could not be used, " +
                std::to_string(counts.late) + " files came late or twice");
  const auto status = services_.board.latest().status;
  if (status->latency.count() > 0) {
    services_.log(
        formatted("from a complete file to its mask: median %.2f s, 99 of 100 within %.2f s, longest %.2f s",
                  status->latency.quantile(0.5), status->latency.quantile(0.99), status->latency.longest()));
  }
  status_.write(LiveState::ending, "the acquisition is over");
  remove_stop_file();  // not before: who is killed is to be asked again
  const std::uint64_t left_out = counts.failed + counts.ignored + counts.repeated;
  if (left_out >= done_) {
    throw io::Error(io::ErrorKind::bad_data, options_.acquisition.folder,
                    std::to_string(done_) + " slices are segmented, but " + std::to_string(left_out) +
                        " files were left out: " + std::to_string(counts.failed) + " could not be used, " +
                        std::to_string(counts.ignored) + " are not numbered as the others are, " +
                        std::to_string(counts.repeated) +
                        " have the number of another one; name the slices with --pattern");
  }
  if (counts.before_first > 0) {
    throw io::Error(io::ErrorKind::bad_data, options_.acquisition.folder,
                    std::to_string(done_) + " slices are segmented, but " +
                        std::to_string(counts.before_first) +
                        " came too late, with numbers below that of the first one (" + first_file_ +
                        "), and are left out: with --first N, in another --output, they are waited for");
  }
}

void LiveRun::remove_stop_file() const {
  std::error_code ignored;
  fs::remove(options_.stop_file, ignored);
}

void LiveRun::write_stacks() {
  const auto each_file = [&](const LiveOutput::TakeName& take) {
    state_.journal().visit_taken([&](const JournalEntry& entry) { take(entry.file.name); });
  };
  writer_.set_working(true);
  LiveOutput::Written written;
  writer_.write([&] {
    written =
        output_.write_stacks(each_file, {checkpoint_.height, checkpoint_.width, checkpoint_.voxel_nm}, [&] {
          services_.liveness.progress();
          if (stopping()) throw Interrupted();
        });
  });
  if (const std::size_t missing = written.left_out; missing > 0) {
    const std::string text = written.first_left_out +
                             (missing > 1 ? " and " + std::to_string(missing - 1) + " more were" : " was") +
                             " moved away or made unreadable: not in the stack";
    services_.warn(text);
    status_.warn(text);
  }
  writer_.write([&] { report().write(options_.output.folder + "/report.json"); });
  writer_.set_working(false);
  for (const auto& [path, slices] : written.stacks)
    services_.log(path + ": " + std::to_string(slices) + " slices");
}

WatchReport LiveRun::report() {
  WatchReport report;
  report.run.command = "watch";
  report.run.started = checkpoint_.run.started.empty() ? started_ : checkpoint_.run.started;
  report.run.resumed = checkpoint_.run.resumed;
  report.run.input = slices();
  report.run.model = model_of(network_);
  report.run.options = resolved_;
  report.run.options.end_slice = report.run.input.depth;
  if (live_) tell(report.run, live_->start());
  if (live_ && resolved_.recipe != Recipe::none) {
    const SegmentSession& session = live_->session();
    AdaptationSummary& summary = report.run.adaptation.emplace(
        adaptation_of(network_, session.estimator(), live_->start().used(session.estimator())));
    summary.probe_slices = live_->start().findings().probe_slices;
    summary.batches = session.batches();
    summary.snapshots = session.snapshots();
    summary.measured_every = live_->start().plan()->every;
  }
  report.run.events = events_;
  report.run.sums = sums_;
  report.run.each_slice = [this](const TakeSliceRecord& take) {
    state_.journal().visit_taken([&](const JournalEntry& entry) {
      SliceRecord record = entry.record;
      record.live = {entry.file.name, entry.latency};
      take(record);
    });
  };
  if (const auto warning = one_sided(sums_)) report.run.warnings.push_back(*warning);
  report.run.outputs = output_.stacks();
  report.run.seconds = seconds_so_far();
  report.run.peak_memory = peak_memory();
  report.left_out = decisions_;
  report.status = services_.board.latest().status;
  // What happened on the way; what was found at the start stands there already.
  std::vector<std::string>& warnings = report.run.warnings;
  for (const WarningLog::Entry& entry : report.status->warnings.entries()) {
    if (std::find(warnings.begin(), warnings.end(), entry.text) == warnings.end())
      warnings.push_back(entry.text);
  }
  return report;
}

/// Decisions are durable before anybody is told.
void LiveRun::keep_note(const AcquisitionNote& note) {
  const auto kind = kind_of(note.kind);
  if (!kind) return;
  JournalEntry entry;
  entry.kind = *kind;
  entry.first = note.first;
  entry.last = note.last;
  entry.file = {note.file, note.identity.size, note.identity.modified_ns};
  writer_.write([&] {
    const std::lock_guard lock(mutex_);
    state_.journal().append(entry);
  });
  writer_.write([&] {
    const std::lock_guard lock(mutex_);
    state_.journal().sync();
  });
  const std::lock_guard lock(mutex_);
  decisions_.push_back(entry);
}

}  // namespace fibflow::pipeline
