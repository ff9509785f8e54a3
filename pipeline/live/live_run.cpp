#include "pipeline/live/live_run.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "io/error.h"
#include "io/stack_view.h"
#include "pipeline/flow/interruption.h"
#include "pipeline/flow/spoken.h"
#include "pipeline/live/watch_setting.h"
#include "pipeline/options/version.h"
#include "pipeline/pictures/live_picture.h"
#include "pipeline/report/run_facts.h"
#include "pipeline/report/run_recorder.h"
#include "pipeline/report/run_summary.h"

namespace fibflow::pipeline {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// Slices are acknowledged, and the status is written, at most so often.
constexpr milliseconds between_saves{1000};
/// The longest rest between two looks for what is asked for by a file.
constexpr milliseconds longest_rest{1000};

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// stop: not the user's, as what is in flight is to be finished.
RunHooks hooks_of(const WatchServices& services, std::stop_token stop) {
  RunHooks hooks;
  hooks.stop = std::move(stop);
  hooks.log = services.log;
  hooks.node_call = [&liveness = services.liveness](const char*) { liveness.progress(); };
  return hooks;
}

/// Slices of which most decide together what all of them have to be like.
AcquisitionOptions with_first_slices(AcquisitionOptions options, const ResolvedOptions& resolved) {
  constexpr int fewest = 3;
  options.first_together = std::max(fewest, static_cast<int>(StartSlices::wanted(resolved)));
  return options;
}

/// `finished`: nothing if it is not known any more.
LiveSlice shown_of(const JournalEntry& entry, std::chrono::system_clock::time_point finished) {
  LiveSlice shown;
  shown.z = entry.first;
  shown.finished = finished;
  shown.foreground = entry.record.foreground;
  shown.entropy = entry.record.entropy;
  shown.drift = entry.record.slice_drift;
  shown.latency = entry.latency;
  return shown;
}

}  // namespace

LiveRun::LiveRun(const model::Network& network, const WatchOptions& options, const InputOptions& input,
                 ResolvedOptions resolved, WatchServices services)
    : network_(network),
      options_(options),
      input_(input),
      resolved_(std::move(resolved)),
      services_(std::move(services)),
      stop_deadline_(services_.stop, options.finish_within),
      hooks_(hooks_of(services_, stop_deadline_.token())),
      context_(hooks_, false),
      format_{resolved_.threshold, options.output.layers()},
      status_(services_.board, options.output.folder),
      writer_(services_, status_),
      output_(options.output,
              std::string("fibflow ") + version() + ", model " + network.name() + ", " + one_line(resolved_)),
      output_lock_(options.output.folder + "/.lock"),
      state_(options.state_folder,
             {followed_path(options.output.folder), watch_setting(network, options, input, resolved_),
              network, resolved_.lag},
             output_.has_results()),
      acquisition_(with_first_slices(options.acquisition, resolved_),
                   [this](const AcquisitionNote& note) { took_note(note); }) {
  services_.board.change([&](LiveStatus& status) {
    status.folder = options_.acquisition.folder;
    status.output = options_.output.folder;
    status.model = options_.model;
    status.options = one_line(resolved_);
    status.started = std::chrono::system_clock::now();
    status.memory_budget = resolved_.memory;
  });
}

void LiveRun::resume() {
  for (const std::string& remark : state_.remarks()) services_.warn(remark);
  if (options_.retry_left_out) retry_left_out();
  const AcquisitionPast past = state_.past();
  acquisition_.resume(past);
  for (const JournalEntry& entry : state_.journal().entries()) {
    if (entry.kind == JournalEntry::Kind::event) {
      events_.push_back(entry.event);
    } else if (entry.kind != JournalEntry::Kind::kept && entry.kind != JournalEntry::Kind::retried) {
      decisions_.push_back(entry);
    }
  }
  changed_ = !events_.empty() && events_.back().event == event_names::begun_anew;
  for (const RunEvent& event : events_) warn_of(event);
  services_.board.change([&](LiveStatus& status) {
    state_.journal().visit_taken([&](const JournalEntry& entry) {
      count_done(entry);
      status.latency.add(entry.latency);
      status.slices.add(shown_of(entry, {}));
    });
  });
  saved_ = done_;
  if (state_.checkpoint()) {
    checkpoint_ = *state_.checkpoint();
    before_ = checkpoint_.run.seconds;
    checkpoint_.run.resumed.push_back({checkpoint_.next_number, utc_now()});
    live_.emplace(network_, resolved_, slices(), format_, context_);
    live_->resume(checkpoint_.run, kept_previews());
    services_.log("going on after " + std::to_string(done_) + " slices, with number " +
                  std::to_string(checkpoint_.next_number));
    tell_warnings();
  }
  if (state_.has_lost_checkpoint()) {
    checkpoint_.slices_before = done_;
    // What is needed to end at once.
    state_.journal().visit_taken([&](const JournalEntry& entry) {
      if (checkpoint_.height > 0) return;
      const auto mask = output_.written(entry.file.name, nodes::plural_of(nodes::Layer::mask));
      if (!mask) return;
      checkpoint_.height = mask->height;
      checkpoint_.width = mask->width;
      checkpoint_.voxel_nm = mask->voxel_nm;
    });
    services_.log("going on after " + std::to_string(done_) + " slices");
  }
  services_.board.change([&](LiveStatus& status) {
    status.numbering = acquisition_.spoken_numbering();
    status.counts.processed = saved_;
    if (done_ > 0) status.newest_slice = last_done_.first;
    if (live_) status.voxels_per_slice = static_cast<double>(checkpoint_.height) * checkpoint_.width;
  });
}

/// Slices are adapted to in their order: what lies before the last one that is segmented stays left out.
void LiveRun::retry_left_out() {
  const AcquisitionPast past = state_.past();
  std::int64_t next = 0;
  past.each_taken([&](std::int64_t number, const AcquisitionPast::File&) { next = number + 1; });
  auto passed = std::distance(past.failed.begin(), past.failed.lower_bound(next));
  for (const auto& [first, last] : past.skipped) {
    if (first < next) passed += (last - first) / past.step + 1;
  }
  state_.journal().retry(next);
  services_.log("what was left out is tried again from number " + std::to_string(next) + " on");
  if (passed > 0) {
    services_.warn(
        "what was left out before it (" + std::to_string(passed) +
        ") stays so: slices are adapted to in their order; `fibflow segment` takes those by themselves");
  }
}

WatchEnd LiveRun::run() {
  services_.log("options: " + one_line(resolved_));
  if (!resolved_.channels_remark.empty()) services_.log(resolved_.channels_remark);
  resume();
  last_save_ = Clock::now();
  services_.log("following " + options_.acquisition.folder);
  services_.ready();
  try {
    if (follow()) return WatchEnd::complete;
  } catch (const Interrupted&) {
    if (!stopping()) throw;
  }
  status_.write(LiveState::ending, "stopped on request");
  return WatchEnd::stopped;
}

/// Until the acquisition is over (true), or a stop is requested.
bool LiveRun::follow() {
  while (!stopping()) {
    services_.requests.clear();
    if (services_.requests.take_rescan()) acquisition_.rescan();
    if (services_.requests.take_stack()) {
      write_stacks();
      silence_.end();
    }
    look_for_end();
    const Clock::time_point look = Clock::now();
    if (live_ ? segment() : begin()) {
      silence_.end();
      continue;
    }
    silence_.go_on(look, Clock::now());
    if (!closing_ && !acquisition_.refusal().empty()) {
      throw io::Error(io::ErrorKind::bad_data, options_.acquisition.folder, acquisition_.refusal());
    }
    status_.show_counts(acquisition_.counts(), first_.size());
    if (stopping()) break;
    if (closing_ && acquisition_.at_end() && (live_ || first_.empty())) {
      finish();
      conclude();
      return true;
    }
    const LiveState state = !acquisition_.folder_is_there() ? LiveState::paused
                            : live_                         ? LiveState::waiting
                                                            : LiveState::probing;
    const std::string reason = spoken_wait();
    status_.show(state, reason);
    tell_first_wait(reason);
    tell_now_and_then();
    services_.liveness.waiting(reason);
    acquisition_.wait(longest_rest, services_.requests.descriptor());
  }
  return false;
}

/// Whether the acquisition is over: by the stop file, or because nothing has come for so long.
void LiveRun::look_for_end() {
  if (closing_) return;
  std::string why;
  std::error_code ignored;
  if (fs::exists(options_.stop_file, ignored)) why = options_.stop_file + " is there";
  const bool silent = options_.end_after && acquisition_.folder_is_there() &&
                      silence_.has_lasted(*options_.end_after, acquisition_.last_news(), Clock::now());
  if (silent && looked_at_all_) why = "no slice has come for " + spoken_duration(*options_.end_after);
  // Events can be lost, and other machines' files are not told of.
  if (silent && !looked_at_all_) acquisition_.rescan();
  looked_at_all_ = silent;
  if (why.empty()) return;
  services_.log(why + ": what is there is segmented, then this ends");
  closing_ = true;
  status_.begin_to_end();
  acquisition_.close();
}

/// The next slice, without the edges that are no image.
std::optional<AcquiredSlice> LiveRun::take() {
  auto acquired = acquisition_.take();
  if (std::exchange(acquisitions_, acquisition_.restarts()) != acquisition_.restarts()) first_.clear();
  if (!acquired) return acquired;
  if (!live_ && first_.empty()) {
    checkpoint_.cropped = input_.crop.value_or(acquired->info.not_image);
    for (const std::string& remark : acquired->info.remarks) services_.log(acquired->file + ": " + remark);
  }
  const io::Region kept = io::kept_of(acquired->info, checkpoint_.cropped);
  if (!checkpoint_.cropped.empty()) acquired->slice = acquired->slice.part(kept);
  return acquired;
}

/// Collects the first slices, and measures them once they are there. Whether there was something to do.
bool LiveRun::begin() {
  const auto wanted = static_cast<std::size_t>(StartSlices::wanted(resolved_));
  bool came = false;
  while (first_.size() < wanted && !stopping()) {
    auto slice = take();
    if (!slice) break;
    first_.push_back(*std::move(slice));
    services_.liveness.progress();
    came = true;
  }
  const bool complete = first_.size() == wanted || (closing_ && acquisition_.at_end() && !first_.empty());
  if (!complete || stopping()) return came;
  acquisition_.commit();
  status_.show(LiveState::probing, "");
  const Liveness::Work work(services_.liveness);
  const Clock::time_point begin = Clock::now();
  const io::Slice& slice = first_.front().slice;
  checkpoint_.height = checkpoint_.cropped.top + slice.height() + checkpoint_.cropped.bottom;
  checkpoint_.width = checkpoint_.cropped.left + slice.width() + checkpoint_.cropped.right;
  checkpoint_.type = slice.type();
  checkpoint_.voxel_nm = first_.front().info.voxel_nm.replaced_by(input_.voxel_nm);
  live_.emplace(network_, resolved_, this->slices(), format_, context_);
  std::vector<io::Slice> slices;
  for (const AcquiredSlice& acquired : first_) slices.push_back(acquired.slice);
  live_->begin(slices);
  writer_.write([&] { state_.save_previews(live_->start().findings().previews); });
  checkpoint_.run.started = started_;
  checkpoint_.run.tiles = live_->start().tiles();
  checkpoint_.run.findings = live_->start().findings();
  checkpoint_.run.findings.previews.clear();
  checkpoint_.run.seconds.adapt = before_.adapt = seconds_since(begin);
  tell_warnings();
  begun_ = {std::make_move_iterator(first_.begin()), std::make_move_iterator(first_.end())};
  first_.clear();
  services_.board.change([&](LiveStatus& status) {
    status.voxels_per_slice = static_cast<double>(checkpoint_.height) * checkpoint_.width;
  });
  return true;
}

/// What the slices are like; after the first ones, or a restart.
io::StackInfo LiveRun::slices() const {
  io::StackInfo info;
  info.path = options_.acquisition.folder;
  info.format = "live acquisition";
  info.depth = static_cast<std::int64_t>(done_);
  const io::Region kept = checkpoint_.cropped.within(checkpoint_.height, checkpoint_.width);
  info.height = static_cast<int>(kept.y.size());
  info.width = static_cast<int>(kept.x.size());
  info.cropped = checkpoint_.cropped;
  info.type = checkpoint_.type;
  // What they stand for is known once the first ones were seen.
  if (!first_.empty()) {
    info.zero = first_.front().info.zero;
    info.bits = first_.front().info.bits;
  }
  info.voxel_nm = checkpoint_.voxel_nm;
  info.decoding_bytes = info.slice_bytes();  // of files that are yet to come: at most one strip
  return info;
}

std::vector<EncodedPreview> LiveRun::kept_previews() const {
  try {
    return state_.previews();
  } catch (const io::Error& error) {
    services_.warn(std::string(error.what()) + ": the report is without pictures");
    return {};
  }
}

/// Of all parts of the run, up to now.
RunReport::Seconds LiveRun::seconds_so_far() const {
  RunReport::Seconds seconds = before_;
  seconds.segment += segmenting_.count();
  if (burst_) seconds.segment += seconds_since(*burst_);
  seconds.total += seconds_since(start_);
  return seconds;
}

/// Segments all that is complete now. Whether there was something.
bool LiveRun::segment() {
  if (begun_.empty()) {
    auto slice = take();
    if (!slice) return false;
    begun_.push_back(*std::move(slice));
  }
  if (changed_) look_again();
  writer_.set_working(true);
  burst_ = Clock::now();
  const SegmentSession::Source source{
      [&] { return next_slice(); },
      [&] { return Place{begun_.empty() ? acquisition_.next().value_or(0) : begun_.front().number}; }};
  try {
    live_->session().run(source, [&](const SegmentSession::Done& done) { was_segmented(done); });
    save();
  } catch (const Interrupted&) {
    writer_.set_working(false);
    if (!stopping()) throw;
    // What was in flight, as there was no room to write it or no time left, is done again after a restart.
    {
      const std::lock_guard lock(mutex_);
      in_flight_.clear();
    }
    save();
  } catch (...) {
    writer_.set_working(false);
    throw;
  }
  writer_.set_working(false);
  segmenting_ += Clock::now() - *burst_;
  burst_.reset();
  return true;
}

/// Writes the slices that wait for neighbours which will not come.
void LiveRun::finish() {
  if (!live_) return;
  if (changed_ && resolved_.comparison > 0)
    services_.log(
        "no slice has come since the acquisition changed: whether adaptation helps there was not looked at");
  writer_.set_working(true);
  live_->session().finish([&](const SegmentSession::Done& done) { was_segmented(done); });
  save();
  writer_.set_working(false);
}

/// Gives the graph what is ready now, and ends the burst where nothing is.
std::optional<io::Slice> LiveRun::next_slice() {
  if (stopping() || changed_ || services_.requests.stack_is_asked()) return std::nullopt;
  if (services_.requests.take_rescan()) acquisition_.rescan();
  std::optional<AcquiredSlice> slice;
  if (begun_.empty()) {
    slice = take();
  } else {
    slice = std::move(begun_.front());
    begun_.pop_front();
  }
  const std::lock_guard lock(mutex_);
  counts_ = acquisition_.counts();
  counts_.pending += begun_.size();
  if (!slice) return std::nullopt;
  const io::Slice voxels = slice->slice;
  in_flight_.push_back(*std::move(slice));
  return voxels;
}

void LiveRun::was_segmented(const SegmentSession::Done& done) {
  AcquiredSlice acquired;
  {
    const std::lock_guard lock(mutex_);
    acquired = std::move(in_flight_.front());
    in_flight_.pop_front();
  }
  writer_.write([&] { output_.write(done.slice, acquired.file, checkpoint_.voxel_nm, checkpoint_.cropped); });
  JournalEntry entry;
  entry.kind = JournalEntry::Kind::taken;
  entry.first = entry.last = acquired.number;
  entry.file = {acquired.file, acquired.identity.size, acquired.identity.modified_ns};
  entry.latency = seconds_since(acquired.complete);
  entry.record = record_of(done.slice, done.update);
  entry.record.seconds = seconds_since(acquired.taken);
  write_down(entry);
  if (const auto event = event_of(done.update, acquired.number, resolved_.lag)) {
    happened(*event);
    changed_ = true;
  }
  count_done(entry);
  to_show_.push_back(shown_of(entry, std::chrono::system_clock::now()));
  checkpoint_.run.session = SegmentSession::state_after(done);
  checkpoint_.next_number = acquired.next;
  if (Clock::now() - last_picture_ >= between_saves) {
    LivePicture picture = make_live_picture(acquired.number, acquired.slice, done.slice.mask());
    services_.board.change([&](LiveStatus& status) { status.picture = std::move(picture); });
    last_picture_ = Clock::now();
  }
  if (Clock::now() - last_save_ >= between_saves) save();
}

void LiveRun::write_down(const JournalEntry& line) {
  writer_.write([&] {
    const std::lock_guard lock(mutex_);
    state_.journal().append(line);
  });
}

void LiveRun::count_done(const JournalEntry& entry) {
  if (done_++ == 0) first_file_ = entry.file.name;
  sums_.add(entry.record);
  last_done_ = entry;
}

/// Acknowledges what is on the disk.
void LiveRun::save() {
  if (saved_ == done_) return;
  checkpoint_.run.seconds = seconds_so_far();
  writer_.write([&] {
    const std::lock_guard lock(mutex_);
    state_.save(checkpoint_);
  });
  saved_ = done_;
  last_save_ = Clock::now();
  const double drift = live_->drift_from_source(checkpoint_.run.session);
  Acquisition::Counts counts;
  std::size_t waiting = 0;
  {
    const std::lock_guard lock(mutex_);
    counts = counts_;
    waiting = in_flight_.size();
  }
  services_.board.change([&](LiveStatus& status) {
    for (const LiveSlice& slice : std::exchange(to_show_, {})) {
      status.slices.add(slice);
      status.latency.add(slice.latency);
    }
    status.counts.processed = saved_;
    status.newest_slice = last_done_.first;
    status.adaptation = live_->start().adaptation();
    if (resolved_.recipe != Recipe::none) status.drift_from_source = drift;
  });
  doubt_result();
  status_.show_counts(counts, waiting);
  status_.write(LiveState::running, "");
  tell_now_and_then();
}

}  // namespace fibflow::pipeline
