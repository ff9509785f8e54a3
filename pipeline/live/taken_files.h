#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "io/files/file_identity.h"

namespace fibflow::pipeline {

/// A file as it was when something became of it.
struct PastFile {
  std::string name;  ///< relative to the folder
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;

  static PastFile of(const std::string& name, const io::FileIdentity& identity) {
    return {name, identity.size, identity.modified_ns};
  }
  bool same_content(const io::FileIdentity& identity) const {
    return size == identity.size && modified_ns == identity.modified_ns;
  }
};

/// The files that the slices of an acquisition were taken from, in 24 bytes for each: an acquisition has as many as it lasts.
/// Only the latest are known by name; the others are told apart by hashes of 64 bits. Not thread-safe.
class TakenFiles {
 public:
  /// So many are known by name.
  static constexpr std::size_t named = 1000;

  enum class Relation { none, same, changed, other_file };

  /// Numbers come in rising order.
  void add(std::int64_t number, const PastFile& file);

  /// none: no slice of this number was taken.
  Relation relation(std::int64_t number, const PastFile& file) const;

  /// What it was called ("slice_7.tif"), or "another file" if that was long ago.
  std::string spoken_name(std::int64_t number) const;

  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  std::int64_t last() const { return entries_.back().number; }
  /// The latest, the oldest of them first.
  const std::deque<std::pair<std::int64_t, PastFile>>& latest() const { return latest_; }

 private:
  struct Entry {
    std::int64_t number = 0;
    std::uint64_t name = 0;     // hash
    std::uint64_t content = 0;  // hash of size and time
  };
  const Entry* find(std::int64_t number) const;

  std::vector<Entry> entries_;
  std::deque<std::pair<std::int64_t, PastFile>> latest_;
};

}  // namespace fibflow::pipeline
