#include "pipeline/live/acquisition.h"

#include <algorithm>

#include "io/folder/natural_order.h"

namespace fibflow::pipeline {

using Kind = AcquisitionNote::Kind;

void Acquisition::look() {
  const io::FolderWatch::Changes changes = watch_.look();
  looked_ = true;
  if (watch_.overflows() != counts_.overflows) {
    counts_.overflows = watch_.overflows();
    note(Kind::overflow, 0, 0, "",
         "more happened in the folder than the system could tell of: all of it was looked at");
  }
  if (watch_.is_there() != was_there_) {
    was_there_ = watch_.is_there();
    back_since_ = last_news_ = Clock::now();
    if (was_there_) {
      note(Kind::folder_back, 0, 0, "", options_.folder + ": the folder is there again");
    } else {
      note(Kind::folder_gone, 0, 0, "",
           options_.folder + ": the folder cannot be read: " + watch_.reason() + "; waiting for it");
    }
  }
  for (const std::string& file : changes.gone) remove_file(file);
  for (const io::FolderWatch::File& file : changes.files) add_file(file);
  judge();
}

std::optional<std::int64_t> Acquisition::number_of(const std::string& file) const {
  if (numbering_.counts()) return numbering_.number_of(file);
  const auto found = numbered_.find(file);
  return found == numbered_.end() ? std::nullopt : std::optional(found->second);
}

void Acquisition::add_file(const io::FolderWatch::File& file) {
  if (!numbering_.admits(file.path)) return ignore(file.path, " is no slice by its name");
  if (!numbering_.is_decided()) return add_waiting(file);
  const auto number = number_of(file.path);
  if (!number) {
    if (numbering_.counts() || !numbering_.fits(file.path))
      return ignore(file.path, " has no number as the other slices have it");
    const bool late =
        last_numbered_ && numbering_.is_before(file.path, file.identity.modified_ns, last_numbered_->name,
                                               last_numbered_->modified_ns);
    if (!late || begins_again_for(file.path)) return add_waiting(file);
    if (!ignored_.insert(file.path).second) return;
    ++counts_.late;
    note(Kind::late, 0, 0, file.path,
         file.path + " comes before " + last_numbered_->name +
             ", which was taken before it came: it is left out");
    return;
  }
  if (first_ && (*number - *first_) % step_ != 0) {
    if (options_.step || *number < next_ - step_)
      return ignore(file.path, " is not in step with the other slices");
    refine_step(*number);
  }
  if (first_ && *number < next_ && !(*number < *first_ && begins_again_for(file.path)))
    return add_late_file(*number, file);
  add_candidate(*number, file);
}

void Acquisition::ignore(const std::string& file, const std::string& why) {
  if (!ignored_.insert(file).second) return;
  const bool first_time = ignored_.size() == 1;
  if (numbering_.admits(file)) ++counts_.ignored;
  if (first_time) note(Kind::foreign, 0, 0, file, file + why + ": ignored, and so will be others");
}

void Acquisition::add_candidate(std::int64_t number, const io::FolderWatch::File& file) {
  last_news_ = Clock::now();
  if (!put_candidate(number, candidate_of(file.path, {file.identity, last_news_}))) return;
  last_new_file_ = last_news_;
  ++counts_.seen;
  ++counts_.pending;
}

/// Whether it is a new one.
bool Acquisition::put_candidate(std::int64_t number, Candidate candidate) {
  Candidates& candidates = candidates_[number];
  const auto place = std::find_if(candidates.begin(), candidates.end(), [&](const Candidate& other) {
    const int order = io::natural_compare(other.file, candidate.file);
    return order > 0 || (order == 0 && other.file >= candidate.file);
  });
  if (place != candidates.end() && place->file == candidate.file) {
    // The events of one write come more than once.
    if (place->identity != candidate.identity)
      *place = place->changed_to(candidate.identity, candidate.changed);
    return false;
  }
  candidates.insert(place, std::move(candidate));
  arrivals_.emplace_back(Clock::now(), number);
  return true;
}

/// Keeps a file that has no number yet.
void Acquisition::add_waiting(const io::FolderWatch::File& file) {
  const auto [place, is_new] = waiting_.try_emplace(file.path);
  if (!is_new && place->second.identity == file.identity) return;
  last_news_ = Clock::now();
  if (is_new) {
    last_new_file_ = last_news_;
    ++counts_.seen;
    ++counts_.pending;
  } else {
    queue_.erase({file.path, place->second.identity.modified_ns});
  }
  place->second = {file.identity, last_news_};
  if (numbering_.is_decided()) queue_.insert({file.path, file.identity.modified_ns});
}

void Acquisition::drop_waiting(const std::string& file) {
  const auto found = waiting_.find(file);
  if (found == waiting_.end()) return;
  queue_.erase({file, found->second.identity.modified_ns});
  waiting_.erase(found);
}

void Acquisition::add_late_file(std::int64_t number, const io::FolderWatch::File& file) {
  const auto tell = [&](Kind kind, const std::string& text) {
    // Once for each state of the file. Only the last one is kept: a file may change as long as the microscope runs.
    const auto [told, first_time] =
        told_.try_emplace(file.path, AcquisitionPast::File::of(file.path, file.identity));
    if (!first_time && told->second.same_content(file.identity)) return;
    told->second = AcquisitionPast::File::of(file.path, file.identity);
    ++counts_.late;
    note(kind, number, number, file.path, text);
  };
  switch (taken_.relation(number, AcquisitionPast::File::of(file.path, file.identity))) {
    case TakenFiles::Relation::none:
      break;
    case TakenFiles::Relation::same:
      return watch_.settle(file.path);
    case TakenFiles::Relation::changed:
      return tell(
          Kind::replaced,
          file.path + " was changed after it had been segmented; its mask is that of the old content");
    case TakenFiles::Relation::other_file:
      if (!told_.contains(file.path)) ++counts_.repeated;
      return tell(Kind::duplicate, file.path + " has the number of " + taken_.spoken_name(number) +
                                       ", which was segmented: ignored");
  }
  const auto failed = failed_.find(number);
  if (failed != failed_.end() && failed->second.name == file.path &&
      failed->second.same_content(file.identity)) {
    return;
  }
  if (failed != failed_.end()) {
    tell(Kind::late, file.path + " was changed after it had been given up: too late, it is left out");
  } else if (number < *first_) {
    if (!told_.contains(file.path)) ++counts_.before_first;
    tell(Kind::late, file.path + " comes before slice " + std::to_string(*first_) +
                         ", which the acquisition began with: it is left out");
  } else {
    tell(Kind::late, file.path + " came after slice " + std::to_string(number) +
                         " had been given up: too late, it is left out");
  }
}

void Acquisition::remove_file(const std::string& file) {
  if (waiting_.contains(file)) {
    drop_waiting(file);
    --counts_.pending;
    return;
  }
  const auto number = numbering_.is_decided() ? number_of(file) : std::nullopt;
  const auto found = number ? candidates_.find(*number) : candidates_.end();
  if (found == candidates_.end()) return;
  numbered_.erase(file);
  counts_.pending -= std::erase_if(found->second, [&](const Candidate& c) { return c.file == file; });
  if (found->second.empty()) candidates_.erase(found);
}

}  // namespace fibflow::pipeline
