#include "pipeline/live/taken_files.h"

#include <algorithm>
#include <array>

#include "io/files/running_hash.h"

namespace fibflow::pipeline {
namespace {

std::uint64_t name_hash(const PastFile& file) {
  return io::hash_of(file.name.data(), file.name.size());
}

std::uint64_t content_hash(const PastFile& file) {
  const std::array<std::uint64_t, 2> content{file.size, static_cast<std::uint64_t>(file.modified_ns)};
  return io::hash_of(content.data(), sizeof content);
}

}  // namespace

void TakenFiles::add(std::int64_t number, const PastFile& file) {
  entries_.push_back({number, name_hash(file), content_hash(file)});
  latest_.emplace_back(number, file);
  if (latest_.size() > named) latest_.pop_front();
}

const TakenFiles::Entry* TakenFiles::find(std::int64_t number) const {
  const auto found = std::lower_bound(entries_.begin(), entries_.end(), number,
                                      [](const Entry& entry, std::int64_t n) { return entry.number < n; });
  return found != entries_.end() && found->number == number ? &*found : nullptr;
}

TakenFiles::Relation TakenFiles::relation(std::int64_t number, const PastFile& file) const {
  const Entry* entry = find(number);
  if (entry == nullptr) return Relation::none;
  if (entry->name != name_hash(file)) return Relation::other_file;
  return entry->content == content_hash(file) ? Relation::same : Relation::changed;
}

std::string TakenFiles::spoken_name(std::int64_t number) const {
  for (const auto& [its_number, file] : latest_) {
    if (its_number == number) return file.name;
  }
  return "another file";
}

}  // namespace fibflow::pipeline
