#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "tests/pipeline/run_program.h"

namespace fibflow::testing {

/// How often the long form of a kill test kills: the environment variable FIBFLOW_KILLS, else `few`.
int kills_wanted(int few);

/// What became of a command that was killed again and again.
struct KillStory {
  int kills = 0;
  ProgramRun last;  ///< the run that was not killed
};

/// Runs fibflow with these arguments and kills it (SIGKILL) at a random moment, the same command again, and so on, until
/// it was killed `kills` times or came to its end before the moment did; then lets it come to its end. Moments are
/// uniform between 0 and `longest` after the start. between: called after each kill, to look at what is left.
KillStory run_through_kills(const std::vector<std::string>& arguments, int kills,
                            std::chrono::microseconds longest, std::mt19937& random,
                            const std::function<void()>& between = {});

}  // namespace fibflow::testing
