#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "io/files/checked_file.h"

namespace fibflow::pipeline {

/// What a process keeps on the disk to go on from after its end, however it ended: a tree of values in a checked file of two
/// generations (io/files/checked_file.h), as CBOR, in which every number comes back bit for bit. The one envelope of the
/// states of segment, watch and train. Not thread-safe.
class DurableState {
 public:
  /// kind: what it is, with the version of what is inside ("segmentation checkpoint 2"): raised when a reader of the version
  /// before would be misled.
  DurableState(std::string path, std::string kind);

  const std::string& path() const { return path_; }
  bool exists() const { return io::has_checked(path_); }

  /// Replaces it; durable when this returns. Throws io::Error (cannot_create, read_write).
  void write(const nlohmann::ordered_json& state, const io::DurableStep& step = {}) const;

  /// Gives the newest generation that is whole to `take`, which throws a std::exception if it is not what it should be: then
  /// the generation before is taken. False if there is none at all. `refusal` gets why the newest one was not taken, if so.
  /// A file can be crafted, and its checksum with it: trees deeper than 16 levels are refused before they are built.
  /// Throws io::Error: bad_data, with the reasons, if there is a generation but none is accepted; read_write.
  bool read(const std::function<void(const nlohmann::ordered_json& state)>& take, std::string& refusal) const;

  /// Removes all generations. Throws io::Error (read_write).
  void remove(const io::DurableStep& step = {}) const;

 private:
  std::string path_;
  std::string kind_;
};

/// A whole number of a state, within bounds. Throws std::invalid_argument that names it.
std::int64_t whole_number(const nlohmann::ordered_json& state, const char* name, std::int64_t least,
                          std::int64_t most);

}  // namespace fibflow::pipeline
