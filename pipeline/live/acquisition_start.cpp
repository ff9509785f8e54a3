#include "pipeline/live/acquisition.h"

#include <algorithm>
#include <numeric>

#include "io/error.h"
#include "io/folder/name_order.h"
#include "io/folder/slice_file.h"

namespace fibflow::pipeline {

using std::chrono::milliseconds;
using Kind = AcquisitionNote::Kind;

/// Decides which number counts and the first one, once what is there first has had the time to settle.
bool Acquisition::begin() {
  if (waiting_.empty() && candidates_.empty() && !(options_.first && numbering_.is_decided())) {
    obstacle_ = "no slice is there yet";
    return false;
  }
  const bool settled = closed_ || Clock::now() >= last_new_file_ + options_.settle || comes_in_order();
  if (!settled && !(options_.first && numbering_.is_decided())) {
    obstacle_ = "the first slices are coming";
    due(last_new_file_ + options_.settle);
    return false;
  }
  if (!numbering_.is_decided() && !decide_numbering()) return false;
  if (options_.first) {
    start_at(*options_.first);
    return true;
  }
  if (numbering_.counts() && candidates_.empty()) {
    obstacle_ = "no slice is there yet";
    return false;
  }
  start_at(numbering_.counts() ? candidates_.begin()->first : 0);
  return true;
}

/// Whether files that do not stop coming come in the order of their numbers.
bool Acquisition::comes_in_order() {
  constexpr int patience = 15;
  const auto now = Clock::now();
  if (!order_due_) order_due_ = now + patience * options_.settle;
  due(*order_due_);
  if (now < *order_due_) return false;
  order_due_ = now + patience * options_.settle;
  std::vector<std::string> files;
  for (const auto& [file, arrival] : waiting_) files.push_back(file);
  return are_in_order(files);
}

bool Acquisition::are_in_order(const std::vector<std::string>& files) {
  constexpr std::size_t enough = 12;
  if (files.size() < enough) return false;
  std::vector<std::string> names;
  for (const std::string& file : files) names.push_back(io::bare_name(file));
  const io::NameReading reading = io::read_names(names);
  const io::NameForm& form = reading.stack.form;
  if (reading.stack.order.empty() || !form.counts()) return false;
  const auto number = [&](std::size_t place) {
    return form.number_in(names[reading.stack.order[place]]).value_or(0);
  };
  const std::size_t half = names.size() / 2;
  const std::int64_t missing = (number(half) - number(0)) / form.step() - static_cast<std::int64_t>(half);
  constexpr std::int64_t of_so_many = 100;  // one may never come
  return missing <= static_cast<std::int64_t>(half) / of_so_many;
}

bool Acquisition::decide_numbering() {
  std::vector<std::string> files;
  for (const auto& [file, arrival] : waiting_) files.push_back(file);
  try {
    if (!numbering_.decide(files, closed_, options_.first || options_.step)) {
      obstacle_ = std::to_string(files.size()) + (files.size() == 1 ? " file is" : " files are") +
                  " there: how they are numbered shows with the next ones";
      return false;
    }
  } catch (const io::AmbiguousNames& ambiguous) {
    obstacle_ = refusal_ = ambiguous.what();
    return false;
  }
  note(Kind::numbered, 0, step_, numbering_.saved(), "slices are numbered " + spoken_numbering());
  for (const auto& [file, arrival] : std::exchange(waiting_, {})) {
    const auto number = numbering_.counts() ? numbering_.number_of(file) : std::nullopt;
    if (number) {
      put_candidate(*number, candidate_of(file, arrival));
    } else if (!numbering_.counts() && numbering_.fits(file)) {
      waiting_.emplace(file, arrival);
      queue_.insert({file, arrival.identity.modified_ns});
    } else {
      --counts_.seen;
      --counts_.pending;
      ignore(file, " has no number as the other slices have it");
    }
  }
  return true;
}

std::string Acquisition::spoken_numbering() const {
  if (!numbering_.is_decided()) return "";
  return numbering_.spoken() + (step_is_known_ && step_ > 1 ? ", in steps of " + std::to_string(step_) : "");
}

/// From one number to the next, once a few of them are there.
void Acquisition::decide_step() {
  if (step_is_known_ || !numbering_.counts() || candidates_.empty()) return;
  std::vector<std::int64_t> numbers;
  if (next_ > *first_) numbers.push_back(next_ - step_);
  constexpr std::size_t enough = 8;
  for (const auto& [number, files] : candidates_) {
    if (numbers.size() < enough && !is_far(number)) numbers.push_back(number);
  }
  if (numbers.size() < 2) return;
  std::int64_t smallest = numbers[1] - numbers[0];
  for (std::size_t i = 2; i < numbers.size(); ++i) smallest = std::min(smallest, numbers[i] - numbers[i - 1]);
  if (smallest == 1) {
    step_is_known_ = true;
    return;
  }
  // Small ones may as well be numbers that are missing.
  constexpr std::int64_t small_step = 5;
  if (numbers.size() < (smallest < small_step ? 4U : 3U)) return;
  step_is_known_ = true;
  const bool regular =
      (numbers.back() - numbers.front()) / smallest < 2 * static_cast<std::int64_t>(numbers.size()) &&
      std::ranges::all_of(numbers,
                          [&](std::int64_t number) { return (number - numbers.front()) % smallest == 0; });
  if (!regular) return;
  if (next_ > *first_) next_ += smallest - step_;
  step_ = smallest;
  note(Kind::numbered, 0, step_, numbering_.saved(), "slices are numbered " + spoken_numbering());
}

/// A number came that is between two of them.
void Acquisition::refine_step(std::int64_t number) {
  const std::int64_t finer = std::gcd(step_, number - *first_);
  if (next_ > *first_) next_ += finer - step_;
  step_ = finer;
  note(Kind::numbered, 0, step_, numbering_.saved(),
       "slices are numbered " + spoken_numbering() + " after all");
}

/// Gives the next number to the file that is the first in the order, once it is complete and no other one is coming.
bool Acquisition::number_next() {
  if (queue_.empty()) {
    obstacle_ = "no later slice is there yet";
    return false;
  }
  const std::string file = queue_.begin()->first;
  const Arrival arrival = waiting_.at(file);
  const auto now = Clock::now();
  constexpr int patience = 5;  // where files never stop coming
  const auto ready =
      std::max(arrival.seen + options_.settle,
               std::min(last_new_file_ + options_.settle, arrival.seen + patience * options_.settle));
  if (now < ready && !closed_) {
    obstacle_ = file + " is being written";
    due(ready);
    return false;
  }
  drop_waiting(file);
  numbered_[file] = next_;
  last_numbered_ = AcquisitionPast::File::of(file, arrival.identity);
  put_candidate(next_, candidate_of(file, arrival));
  return true;
}

/// What the slices have to be like: as most of the first ones.
bool Acquisition::decide_shape() {
  if (height_ > 0 || options_.first_together <= 1) return true;
  std::vector<std::pair<std::string, Clock::time_point>> files;
  constexpr std::size_t enough = 16;
  for (const auto& [number, candidates] : candidates_) {
    for (const Candidate& candidate : candidates) {
      if (files.size() < enough) files.emplace_back(candidate.file, candidate.changed);
    }
  }
  for (const auto& [file, modified] : queue_) {
    if (files.size() < enough) files.emplace_back(file, waiting_.at(file).seen);
  }
  struct Shape {
    int height, width;
    io::PixelType type;
    std::string file;
    int count;
  };
  std::vector<Shape> shapes;
  int readable = 0;
  for (const auto& [file, changed] : files) {
    if (Clock::now() < changed + options_.settle && !closed_) {
      due(changed + options_.settle);
      continue;
    }
    try {
      const io::StackInfo info = io::open_slice_file(options_.folder + "/" + file, options_.open)->info();
      ++readable;
      const auto same = std::ranges::find_if(shapes, [&](const Shape& shape) {
        return shape.height == info.height && shape.width == info.width && shape.type == info.type;
      });
      if (same == shapes.end()) {
        shapes.push_back({info.height, info.width, info.type, file, 1});
      } else {
        ++same->count;
      }
    } catch (const io::Error&) {
      constexpr milliseconds pause{250};
      due(Clock::now() + pause);  // not written to its end, or of no use
    }
    if (readable == options_.first_together) break;
  }
  if (readable < options_.first_together && !closed_) {
    obstacle_ = "the first " + std::to_string(options_.first_together) +
                " slices decide together: " + std::to_string(readable) +
                (readable == 1 ? " is there" : " are there");
    return false;
  }
  if (shapes.empty()) return true;
  const Shape& most = *std::ranges::max_element(shapes, {}, &Shape::count);
  height_ = most.height;
  width_ = most.width;
  type_ = most.type;
  first_file_ = most.file;
  return true;
}

/// Whether going on makes sense.
void Acquisition::judge() {
  if (!refusal_.empty()) return;
  constexpr std::uint64_t many = 16;
  const std::uint64_t useless = counts_.ignored + counts_.repeated;
  if (useless >= many && useless >= counts_.seen) {
    refusal_ = std::to_string(useless) + " files are not used: " + std::to_string(counts_.ignored) +
               " are not numbered as the others are (" + numbering_.spoken() + "), " +
               std::to_string(counts_.repeated) +
               " have the number of another one; name the slices with --pattern, # standing for the number";
  }
  constexpr std::uint64_t in_a_row = 10;
  if (failed_in_a_row_ >= in_a_row) {
    refusal_ = std::to_string(failed_in_a_row_) + " slices in a row cannot be used";
    const auto& last = *std::ranges::max_element(failed_, {}, [](const auto& entry) { return entry.first; });
    refusal_ += ", the last of them '" + last.second.name + "': " + last_failure_ +
                "; once they are mended, --retry-left-out takes them";
  }
}

/// Whether the acquisition begins earlier than was thought: nothing was done with what has been given, and it is given anew.
bool Acquisition::begins_again_for(const std::string& file) {
  if (committed_ || closed_ || options_.first || counts_.skipped > 0 || !failed_.empty()) return false;
  if (taken_.size() > taken_.latest().size()) return false;
  ++restarts_;
  note(Kind::earlier, *first_, *first_, file,
       file + " comes before slice " + std::to_string(*first_) +
           ", which nothing was done with yet: beginning anew");
  first_.reset();
  const auto now = Clock::now();
  const TakenFiles all_given = std::exchange(taken_, {});
  for (const auto& [number, given] : all_given.latest()) {
    if (const auto identity = io::identify(options_.folder + "/" + given.name)) {
      put_candidate(number, candidate_of(given.name, {*identity, now}));
      ++counts_.pending;
    } else {
      watch_.forget(given.name);
      --counts_.seen;
    }
  }
  if (numbering_.counts()) return true;
  for (const auto& [number, files] : std::exchange(candidates_, {})) {
    for (const Candidate& candidate : files) {
      waiting_.emplace(candidate.file, Arrival{candidate.identity, candidate.changed});
      queue_.insert({candidate.file, candidate.identity.modified_ns});
    }
  }
  numbered_.clear();
  last_numbered_.reset();
  return true;
}

void Acquisition::start_at(std::int64_t number) {
  first_ = next_ = number;
  note(Kind::first, number, number, "", "the first slice is number " + std::to_string(number));
  // What was met before may not belong to it.
  for (auto& [other, files] : std::exchange(candidates_, {})) {
    if (other >= number && (other - number) % step_ == 0) {
      candidates_.emplace(other, std::move(files));
      continue;
    }
    counts_.pending -= files.size();
    for (const Candidate& candidate : files) add_file({candidate.file, candidate.identity});
  }
}

}  // namespace fibflow::pipeline
