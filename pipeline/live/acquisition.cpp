#include "pipeline/live/acquisition.h"

#include <algorithm>
#include <stdexcept>

#include "nodes/intensity/intensity.h"
#include "pipeline/flow/spoken.h"

namespace fibflow::pipeline {
namespace {

using std::chrono::milliseconds;
using Kind = AcquisitionNote::Kind;

// So many zero bytes at the end of a file may be what its writer has not written. Fewer are a dark corner; no writer
// leaves so little for a rest.
constexpr std::uint64_t suspicious_zeros = 16;

// Between two tries to read a file that cannot be decoded and does not change.
constexpr milliseconds first_pause{250};
constexpr milliseconds longest_pause{15'000};

std::string spoken(std::int64_t first, std::int64_t last) {
  if (first == last) return "slice " + std::to_string(first);
  return "slices " + std::to_string(first) + " to " + std::to_string(last);
}

}  // namespace

Acquisition::Acquisition(AcquisitionOptions options, std::function<void(const AcquisitionNote& note)> report)
    : options_(std::move(options)),
      report_(std::move(report)),
      numbering_(options_.pattern, options_.open.order),
      step_(options_.step.value_or(1)),
      step_is_known_(options_.step.has_value()),
      watch_(options_.folder, {options_.recursive, options_.poll, options_.notify}) {
  const auto require = [](bool holds, const char* message) {
    if (!holds) throw std::invalid_argument(message);
  };
  require(options_.max_gap >= 0, "a gap cannot have a negative number of slices");
  require(options_.step.value_or(1) >= 1, "the step from one slice's number to the next must be at least 1");
  require(options_.first.value_or(0) >= 0, "the first slice's number cannot be negative");
  require(
      options_.settle.count() >= 0 && options_.wait_missing.count() >= 0 && options_.wait_black.count() >= 0,
      "a time to wait cannot be negative");
  require(options_.poll.count() > 0, "the time between two looks at the folder must be above 0");
}

void Acquisition::resume(const AcquisitionPast& past) {
  const bool numbers = !past.numbering.empty();
  if (numbers) {
    numbering_.restore(past.numbering);
    step_ = past.step;
  }
  const bool in_order_only = numbering_.is_decided() && !numbering_.counts();
  const auto got_number = [&](std::int64_t number, const AcquisitionPast::File& file) {
    if (!in_order_only) return;
    numbered_[file.name] = number;
    const bool is_last =
        !last_numbered_ ||
        numbering_.is_before(last_numbered_->name, last_numbered_->modified_ns, file.name, file.modified_ns);
    if (is_last) last_numbered_ = file;
  };
  if (past.each_taken) {
    past.each_taken([&](std::int64_t number, const AcquisitionPast::File& file) {
      if (taken_.empty()) first_file_ = file.name;
      taken_.add(number, file);
      got_number(number, file);
    });
  }
  if (numbers) step_is_known_ = step_is_known_ || step_ > 1 || taken_.size() > 1;
  if (!past.first) return;
  first_ = past.first;
  // The step may have been decided after the last slice was taken.
  next_ = taken_.empty() ? past.next : taken_.last() + step_;
  for (const auto& [number, file] : past.failed) {
    failed_.emplace(number, file);
    got_number(number, file);
    if (number >= next_) failed_ahead_.insert(number);
    ++counts_.failed;
  }
  for (const auto& [first, last] : past.skipped) {
    if (last >= next_) skipped_ahead_[first] = last;
    counts_.skipped += static_cast<std::uint64_t>((last - first) / step_ + 1);
  }
  height_ = past.height;
  width_ = past.width;
  type_ = past.type;
  counts_.seen = taken_.size() + past.failed.size();
  committed_ = !taken_.empty();
}

std::optional<AcquiredSlice> Acquisition::take() {
  due_ = Clock::time_point::max();
  look();
  if (!watch_.is_there()) {
    obstacle_ = options_.folder + " cannot be read: " + watch_.reason();
    return std::nullopt;
  }
  if (!closed_ && !refusal_.empty()) {
    obstacle_ = refusal_;
    return std::nullopt;
  }
  if (!first_ && !begin()) return std::nullopt;
  if (!decide_shape()) return std::nullopt;
  decide_step();
  std::optional<AcquiredSlice> taken;
  for (;;) {
    if (const auto ahead = skipped_ahead_.find(next_); ahead != skipped_ahead_.end()) {
      // Whoever waits for masks was told that it will not come.
      const std::int64_t last = ahead->second;
      while (next_ <= last) advance();
      continue;
    }
    if (failed_ahead_.contains(next_)) {
      advance();
      continue;
    }
    if (!numbering_.counts() && !candidates_.contains(next_) && !number_next()) return std::nullopt;
    const auto found = candidates_.find(next_);
    if (found == candidates_.end()) {
      if (candidates_.empty()) {
        obstacle_ = "slice " + std::to_string(next_) + " is not there yet";
        return std::nullopt;
      }
      if (is_far(candidates_.begin()->first)) {
        obstacle_ = "slice " + std::to_string(next_) + " is not there yet";
        leave_far_ones();
        return std::nullopt;
      }
      if (!gives_up(next_, nullptr)) {
        obstacle_ = "slice " + std::to_string(next_) + " is missing, slice " +
                    std::to_string(candidates_.begin()->first) + " is there";
        if (missing_told_ != next_) {
          missing_told_ = next_;
          note(Kind::missing, next_, next_, "",
               obstacle_ + ": waiting for it for " + spoken_duration(options_.wait_missing));
        }
        return std::nullopt;
      }
      skip(candidates_.begin()->first - step_);
      continue;
    }
    bool unlike = true;
    for (Candidate& candidate : found->second) {
      const Fate fate = try_file(next_, candidate, taken);
      if (fate == Fate::taken) return taken;
      unlike = unlike && fate == Fate::unlike;
    }
    if (unlike) {
      fail(next_, found->second.front());
      if (!closed_ && !refusal_.empty()) return std::nullopt;
      continue;
    }
    std::erase_if(found->second, [](const Candidate& candidate) { return candidate.file.empty(); });
    if (found->second.empty()) {
      candidates_.erase(found);
      continue;
    }
    if (gives_up(next_, &found->second)) {
      Candidate& given_up = found->second.front();
      if (!given_up.failing_since) given_up.reason = given_up.file + ": it did not stop changing";
      fail(next_, given_up);
      if (!closed_ && !refusal_.empty()) return std::nullopt;
      continue;
    }
    obstacle_ = found->second.front().reason;
    return std::nullopt;
  }
}

void Acquisition::close() {
  closed_ = true;
  closed_at_ = Clock::now();
  looked_ = false;
  watch_.rescan();
}

bool Acquisition::at_end() const {
  const bool never_begins = !refusal_.empty() && !first_;
  return closed_ && looked_ &&
         (never_begins || (candidates_.empty() && waiting_.empty()) || !watch_.is_there());
}

void Acquisition::wait(milliseconds longest, int wake) {
  const auto until_due =
      std::chrono::ceil<milliseconds>(std::min(due_, Clock::now() + longest) - Clock::now());
  watch_.wait(std::clamp(until_due, milliseconds(0), longest), wake);
}

Acquisition::Fate Acquisition::try_file(std::int64_t number, Candidate& candidate,
                                        std::optional<AcquiredSlice>& taken) {
  const std::string path = options_.folder + "/" + candidate.file;
  const auto now = Clock::now();
  const auto identity = io::identify(path);
  if (!identity) {
    // Gone, or out of reach for a moment, and then nothing about it will have changed. An empty name marks it for removal.
    watch_.forget(candidate.file);
    numbered_.erase(candidate.file);
    --counts_.pending;
    candidate.file.clear();
    return Fate::waiting;
  }
  if (*identity != candidate.identity) {
    last_news_ = now;
    candidate = candidate.changed_to(*identity, now);
  }
  if (candidate.unlike) return Fate::unlike;
  if (now < candidate.changed + options_.settle) {
    candidate.reason = candidate.file + " is being written";
    due(candidate.changed + options_.settle);
    return Fate::waiting;
  }
  if (candidate.zero_end && !may_end_in_zeros(number, candidate)) return Fate::waiting;
  if (now < candidate.try_at && !closed_) {
    due(candidate.try_at);
    return Fate::waiting;
  }
  io::SliceFileReading reading = io::read_slice_file(
      path, number, [&](const io::StackInfo& info) { return unlike_first(info); }, options_.open);
  if (reading.state == io::SliceFileReading::State::changing || reading.identity != candidate.identity) {
    candidate.changed = last_news_ = Clock::now();
    candidate.reason = candidate.file + " is being written";
    due(candidate.changed + options_.settle);
    return Fate::waiting;
  }
  if (reading.state == io::SliceFileReading::State::refused) {
    fail_try(candidate, candidate.file + ": " + reading.reason);
    candidate.unlike = true;
    return Fate::unlike;
  }
  if (reading.state != io::SliceFileReading::State::whole) {
    fail_try(candidate, reading.reason);
    return Fate::waiting;
  }
  try {
    nodes::require_finite(reading.slice);
  } catch (const nodes::BadSlice& bad) {
    fail_try(candidate, candidate.file + ": " + bad.what());
    return Fate::waiting;
  }
  const bool black = reading.zero_end >= suspicious_zeros;
  if (black && !std::exchange(candidate.zero_end, true) && !may_end_in_zeros(number, candidate)) {
    return Fate::waiting;
  }
  if (black) {
    note(Kind::black_end, number, number, candidate.file,
         candidate.file + " ends in " + std::to_string(reading.zero_end) +
             " zero bytes and did not change for long: taken as it is");
  }
  taken = AcquiredSlice{number,        number + step_, candidate.file,    reading.identity,
                        reading.slice, reading.info,   candidate.changed, Clock::now()};
  if (taken->info.voxel_nm.z == 0) taken->info.voxel_nm.z = numbering_.z_spacing_nm().value_or(0);
  accept(number, candidate, reading);
  return Fate::taken;
}

void Acquisition::fail_try(Candidate& candidate, const std::string& reason) {
  const auto now = Clock::now();
  if (!candidate.failing_since) candidate.failing_since = now;
  candidate.pause = std::clamp(2 * candidate.pause, first_pause, longest_pause);
  candidate.try_at = now + candidate.pause;
  candidate.reason = reason;
  due(candidate.try_at);
}

/// Whether a file that ends in zeros has been left alone for long enough.
bool Acquisition::may_end_in_zeros(std::int64_t number, Candidate& candidate) {
  if (closed_) return true;
  // A writer that fills one file after another is done with this one when it has come to a later one. If it is only
  // held up, nothing later comes either.
  const bool later = later_since(number).has_value();
  const auto since = std::max(candidate.changed, back_since_);
  const auto until =
      since + (later ? std::min(options_.wait_black, options_.wait_missing) : options_.wait_missing);
  if (Clock::now() >= until) return true;
  candidate.reason = candidate.file + " ends in zeros: it may not be written to its end";
  due(until);
  return false;
}

/// Nothing if there is no difference.
std::string Acquisition::unlike_first(const io::StackInfo& info) const {
  if (height_ == 0) return "";
  if (info.height != height_ || info.width != width_) {
    return "has " + std::to_string(info.width) + " x " + std::to_string(info.height) +
           " voxels instead of the " + std::to_string(width_) + " x " + std::to_string(height_) + " of '" +
           first_file_ + "'";
  }
  if (info.type != type_) {
    return std::string("holds ") + io::name_of(info.type) + " voxels instead of the " + io::name_of(type_) +
           " of '" + first_file_ + "'";
  }
  return "";
}

void Acquisition::accept(std::int64_t number, const Candidate& candidate,
                         const io::SliceFileReading& reading) {
  if (height_ == 0) {
    height_ = reading.slice.height();
    width_ = reading.slice.width();
    type_ = reading.slice.type();
    first_file_ = candidate.file;
  }
  const std::string file = candidate.file;
  failed_in_a_row_ = 0;
  taken_.add(number, AcquisitionPast::File::of(file, reading.identity));
  watch_.settle(file);
  for (const Candidate& other : candidates_.at(number)) {
    if (other.file.empty() || other.file == file) continue;
    ++counts_.late;
    ++counts_.repeated;
    note(Kind::duplicate, number, number, other.file,
         other.file + " has the number of " + file + ", which is segmented: ignored");
  }
  advance();
}

/// Whether a number, missing or with files that cannot be used, has been waited for long enough.
bool Acquisition::gives_up(std::int64_t number, const Candidates* candidates) {
  auto since = back_since_;
  bool changing = false;
  if (candidates != nullptr) {
    for (const Candidate& candidate : *candidates) {
      if (candidate.zero_end) return false;  // has its own time
      changing = changing || !candidate.failing_since;
      since = std::max(since, candidate.failing_since.value_or(candidate.first_seen));
    }
  }
  if (closed_) {
    // Whoever writes it may be about to be done.
    constexpr int patience = 5;
    const auto until = changing ? std::max(since, closed_at_) + patience * options_.settle : Clock::now();
    due(until);
    return Clock::now() >= until;
  }
  const auto later = later_since(number);
  if (!later) return false;
  since = std::max(since, *later) + options_.wait_missing;
  due(since);
  return Clock::now() >= since;
}

void Acquisition::fail(std::int64_t number, const Candidate& candidate) {
  ++counts_.failed;
  ++failed_in_a_row_;
  last_failure_ = candidate.reason;
  failed_[number] = AcquisitionPast::File::of(candidate.file, candidate.identity);
  note(Kind::failed, number, number, candidate.file,
       "slice " + std::to_string(number) + " is left out: " + candidate.reason, candidate.identity);
  advance();
  judge();
}

void Acquisition::skip(std::int64_t last) {
  const std::int64_t first = next_;
  counts_.skipped += static_cast<std::uint64_t>((last - first) / step_ + 1);
  while (next_ <= last) advance();
  note(Kind::skipped, first, last, "", spoken(first, last) + " never came: left out");
}

/// Too far from the next number to be one of the same count.
bool Acquisition::is_far(std::int64_t number) const {
  return (number - next_) / step_ > options_.max_gap;
}

void Acquisition::leave_far_ones() {
  const auto& [number, files] = *candidates_.begin();
  if (!std::exchange(far_told_, true)) {
    ++counts_.late;
    note(Kind::foreign, number, number, files.front().file,
         files.front().file + " is more than " + std::to_string(options_.max_gap) + " numbers after slice " +
             std::to_string(next_) + ", which is not there: it waits until the numbers come near");
  }
  if (!closed_) return;
  for (const auto& [far_number, far_files] : candidates_) counts_.pending -= far_files.size();
  candidates_.clear();
}

/// Goes to the next number.
void Acquisition::advance() {
  if (const auto found = candidates_.find(next_); found != candidates_.end()) {
    counts_.pending -= static_cast<std::uint64_t>(std::count_if(
        found->second.begin(), found->second.end(), [](const auto& c) { return !c.file.empty(); }));
    candidates_.erase(found);
  }
  next_ += step_;
}

/// When the first of the files with later numbers that are there was seen.
std::optional<Acquisition::Clock::time_point> Acquisition::later_since(std::int64_t number) {
  while (!arrivals_.empty() && !candidates_.contains(arrivals_.front().second)) arrivals_.pop_front();
  for (const auto& [time, arrived] : arrivals_) {
    if (arrived > number && candidates_.contains(arrived) && !(first_ && is_far(arrived))) return time;
  }
  // Where slices are only in an order, whoever waits is later.
  std::optional<Clock::time_point> first;
  if (!numbering_.counts()) {
    for (const auto& [file, arrival] : waiting_) first = std::min(first.value_or(arrival.seen), arrival.seen);
  }
  return first;
}

void Acquisition::due(Clock::time_point time) {
  due_ = std::min(due_, time);
}

void Acquisition::note(Kind kind, std::int64_t first, std::int64_t last, const std::string& file,
                       const std::string& text, const io::FileIdentity& identity) const {
  if (report_) report_({kind, first, last, file, identity, text});
}

}  // namespace fibflow::pipeline
