#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "io/phantom.h"
#include "pipeline/live_status.h"

namespace fibflow::testing {

/// Writes onto a board what a daemon would that follows an acquisition of a synthetic cell: one slice every 24 s, the
/// phantom's own labels for masks, something that happens at slice 320. Nothing is waited for: the first slices count as
/// done in the past, and what comes after them as done at once.
class PhantomRun {
 public:
  static constexpr std::chrono::seconds per_slice{24};

  /// `size` of a slice's side, in voxels; `earlier`: how many slices are to be in the past. The board must outlive it.
  PhantomRun(pipeline::StatusBoard& board, int size, int earlier);

  /// The next slice is there, segmented, and on the board. A picture is made if asked for: it takes a moment.
  void add_slice(bool with_picture = true);
  void add_slices(int count);  ///< with a picture of the last one only

  void enter(pipeline::LiveState state, const std::string& reason = "");

  std::int64_t next() const { return next_; }

 private:
  pipeline::StatusBoard& board_;
  const std::int64_t earlier_;
  const std::chrono::system_clock::time_point start_;
  io::Phantom phantom_;
  std::int64_t next_ = 0;
};

}  // namespace fibflow::testing
