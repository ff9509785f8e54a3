#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

namespace fibflow::pipeline {

/// What came of a slice.
struct SliceNews {
  std::int64_t z = 0;
  double foreground = 0;  ///< share of pixels that are not background
  double entropy = 0;     ///< mean of the prediction, bits
  std::optional<double>
      drift;  ///< per channel, of its own moments from the running statistics; if it was measured
  double drift_from_source = 0;  ///< per channel, of the source from the statistics it was segmented with
  const char* state = "";        ///< of the statistics: "adapting", "frozen", "none" (the source's)
};

/// How a run talks to whoever started it. log, begin and advance may be called from any thread, one at a
/// time; node_call from several at once.
struct RunHooks {
  std::stop_token stop;  ///< asks the run to end with Interrupted
  std::function<void(const std::string& line)> log;
  /// A phase begins: "probe", "adapt", "compare" or "segment", with this many slices of work to come.
  std::function<void(const std::string& phase, std::int64_t slices)> begin;
  /// A slice (or as many pixels) of the phase is done.
  std::function<void()> advance;
  /// A slice is segmented; in their order, on the thread that writes.
  std::function<void(const SliceNews& slice)> segmented;
  std::string trace;  ///< file that gets one span per node call, for a trace viewer; empty: none
  /// Called after each step that a kill must not harm, with its name; tests kill here. Serial.
  std::function<void(const char* step)> durable_step;
  /// Called at the beginning and at the end of each node call: the run is alive. (Tests delay calls here.)
  std::function<void(const char* node)> node_call;
};

}  // namespace fibflow::pipeline
