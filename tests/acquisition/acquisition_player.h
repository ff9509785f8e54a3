#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "tests/acquisition/acquisition_script.h"

namespace fibflow::testing {

/// Something that happened while a script was played.
struct Event {
  double time = 0;      ///< Unix time in seconds, taken before the step
  std::int64_t z = -1;  ///< of the slice; -1: a foreign file
  std::string file;
  std::string style;
  std::string what;        ///< the step's words
  bool completes = false;  ///< from here on the file is what it has to be
  double late = 0;         ///< seconds after its time: the machine had something else to do
};

/// Plays a script by the clock: each step when its rest since the step before is over. One thread.
/// Steps that wait for something are asked every few milliseconds. Ends with the last step, or early when
/// stopped. Throws what a step throws.
void play(const Script& script, const std::function<void(const Event&)>& tell,
          const std::stop_token& stop = {});

}  // namespace fibflow::testing
