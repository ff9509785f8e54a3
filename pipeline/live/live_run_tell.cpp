#include <utility>

#include "pipeline/flow/spoken.h"
#include "pipeline/live/live_run.h"
#include "pipeline/report/run_facts.h"
#include "pipeline/report/run_summary.h"

namespace fibflow::pipeline {
namespace {

using Clock = std::chrono::steady_clock;

/// Between two lines on how things stand.
constexpr std::chrono::hours between_lines{1};
/// Between two lines on what is waited for at the beginning.
constexpr std::chrono::seconds between_waits{1};

}  // namespace

/// What is waited for.
std::string LiveRun::spoken_wait() const {
  const std::size_t wanted = static_cast<std::size_t>(StartSlices::wanted(resolved_));
  if (live_ || first_.empty() || first_.size() >= wanted) return acquisition_.obstacle();
  return "waiting for " + std::to_string(wanted) + " slices to begin with (" + std::to_string(first_.size()) +
         " here): " + acquisition_.obstacle();
}

/// In the log, until it has begun: whoever has just started it looks there.
void LiveRun::tell_first_wait(const std::string& reason) {
  if (live_ || reason == told_wait_ || Clock::now() - last_told_wait_ < between_waits) return;
  told_wait_ = reason;
  last_told_wait_ = Clock::now();
  services_.log(reason);
}

/// Of what begin() saw, in this process or an earlier one.
void LiveRun::tell_warnings() {
  for (const std::string& text : live_->start().warnings()) {
    services_.warn(text);
    status_.warn(text);
  }
}

/// What happened to the statistics.
void LiveRun::happened(const RunEvent& event) {
  JournalEntry line;
  line.kind = JournalEntry::Kind::event;
  line.first = line.last = event.z;
  line.event = event;
  write_down(line);
  events_.push_back(event);
  if (event.event == event_names::in_doubt) {
    services_.warn(event.text);
  } else {
    services_.log(event.text);
  }
  warn_of(event);
}

/// On the page and in the report, also after a restart.
void LiveRun::warn_of(const RunEvent& event) {
  if (event.event != event_names::looked_again) status_.warn(event.text);
}

/// The acquisition has changed: whether adaptation helps now is seen at the slices that come next, as it was at the first ones.
/// What was decided then stands: it cannot be known how many slices are on their way.
void LiveRun::look_again() {
  changed_ = false;
  if (resolved_.comparison == 0) return;
  const auto wanted = static_cast<std::size_t>(resolved_.comparison);
  while (begun_.size() < wanted) {
    auto slice = take();
    if (!slice) break;
    begun_.push_back(*std::move(slice));
  }
  const Liveness::Work work(services_.liveness);
  std::vector<io::Slice> slices;
  for (const AcquiredSlice& acquired : begun_) {
    if (slices.size() < wanted) slices.push_back(acquired.slice);
  }
  const auto verdict = live_->look_again(slices);
  if (!verdict) return;
  happened(event_of(*verdict, last_done_.first));
}

/// A line each hour for whoever reads the log, and one when it is held up or goes on.
void LiveRun::tell_now_and_then() {
  const auto status = services_.board.latest().status;
  const bool was_paused = told_state_ == LiveState::paused;
  const bool is_paused = status->state == LiveState::paused;
  told_state_ = status->state;
  if (was_paused == is_paused && Clock::now() - last_told_ < between_lines) return;
  last_told_ = Clock::now();
  std::string line = one_line(*status);
  if (status->latency.count() > 0) {
    line += formatted("; from file to mask: median %.3g s, 99 of 100 within %.3g s",
                      status->latency.quantile(0.5), status->latency.quantile(0.99));
  }
  if (status->disk_free)
    line += formatted("; %.1f GiB free", static_cast<double>(*status->disk_free) / (1 << 30));
  services_.log(line);
}

/// Once enough slices are done to see it: nobody may look at the masks for days.
void LiveRun::doubt_result() {
  constexpr std::uint64_t enough = 20;
  if (doubted_result_ || done_ < enough) return;
  doubted_result_ = true;
  if (const auto warning = one_sided(sums_)) {
    services_.warn(*warning);
    status_.warn(*warning);
  }
}

/// On whichever thread takes slices.
void LiveRun::took_note(const AcquisitionNote& note) {
  using Kind = AcquisitionNote::Kind;
  const bool ordinary = note.kind == Kind::numbered || note.kind == Kind::first ||
                        note.kind == Kind::earlier || note.kind == Kind::missing ||
                        note.kind == Kind::folder_back || note.kind == Kind::foreign;
  keep_note(note);
  if (note.kind == Kind::numbered)
    services_.board.change([&](LiveStatus& status) { status.numbering = acquisition_.spoken_numbering(); });
  if (ordinary) {
    services_.log(note.text);
    return;
  }
  services_.warn(note.text);
  status_.warn(note.text);
}

}  // namespace fibflow::pipeline
