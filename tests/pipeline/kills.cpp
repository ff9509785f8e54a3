#include "tests/pipeline/kills.h"

#include <csignal>
#include <cstdlib>

namespace fibflow::testing {

int kills_wanted(int few) {
  const char* wanted = std::getenv("FIBFLOW_KILLS");
  return wanted == nullptr ? few : std::atoi(wanted);
}

KillStory run_through_kills(const std::vector<std::string>& arguments, int kills,
                            std::chrono::microseconds longest, std::mt19937& random,
                            const std::function<void()>& between) {
  KillStory story;
  std::uniform_int_distribution<std::int64_t> moment(0, longest.count());
  while (story.kills < kills) {
    ProgramOptions options;
    options.kill_after = std::chrono::microseconds(moment(random));
    story.last = run_fibflow(arguments, options);
    if (story.last.killed_by != SIGKILL) return story;
    ++story.kills;
    if (between) between();
  }
  story.last = run_fibflow(arguments);
  return story;
}

}  // namespace fibflow::testing
