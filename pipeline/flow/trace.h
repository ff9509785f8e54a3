#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "io/files/atomic_file.h"

namespace fibflow::pipeline {

/// Where a piece of work belongs.
struct Place {
  std::int64_t z = -1;  ///< slice of the stack; -1: none
  int tile = -1;        ///< of the slice; -1: the whole slice
};

/// Writes one span per node call in the Chrome trace format, which trace viewers (Perfetto, chrome://tracing)
/// open. The file grows with the run and appears under its name with finish(). Thread-safe.
class Trace {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Throws io::Error if the file cannot be created.
  Trace(const std::string& path, bool overwrite);

  void span(const char* node, Place place, Time begin, Time end);
  void finish();

 private:
  const Time start_ = std::chrono::steady_clock::now();
  std::mutex mutex_;
  io::AtomicFile file_;                     // this and what follows is guarded by mutex_
  std::map<std::thread::id, int> threads_;  // numbered as they appear
  std::string pending_;                     // spans that are not in the file yet
};

}  // namespace fibflow::pipeline
