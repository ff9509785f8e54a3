#include "tests/acquisition/acquisition_player.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <queue>
#include <thread>
#include <utility>
#include <vector>

namespace fibflow::testing {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto glance = std::chrono::milliseconds(5);

Clock::duration spent(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

/// A file whose turn comes at `due`.
struct Turn {
  Clock::time_point due;
  std::size_t appearance;
  std::shared_ptr<const std::vector<Step>> steps;  ///< null until its first turn
  std::size_t next = 0;

  bool operator>(const Turn& other) const {
    return std::pair(due, appearance) > std::pair(other.due, other.appearance);
  }
};

double unix_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

void play(const Script& script, const std::function<void(const Event&)>& tell, const std::stop_token& stop) {
  const Clock::time_point begin = Clock::now();
  std::priority_queue<Turn, std::vector<Turn>, std::greater<>> turns;
  for (std::size_t i = 0; i < script.appearances.size(); ++i) {
    turns.push({begin + spent(script.appearances[i].start), i, nullptr, 0});
  }
  while (!turns.empty() && !stop.stop_requested()) {
    if (turns.top().due > Clock::now()) {
      std::this_thread::sleep_until(std::min(turns.top().due, Clock::now() + glance));
      continue;
    }
    Turn turn = turns.top();
    turns.pop();
    const Appearance& appearance = script.appearances[turn.appearance];
    if (!turn.steps) turn.steps = std::make_shared<const std::vector<Step>>(appearance.steps());
    const Step& step = (*turn.steps)[turn.next];
    if (step.ready && !step.ready()) {
      turn.due = Clock::now() + glance;
      turns.push(std::move(turn));
      continue;
    }
    const double late = std::chrono::duration<double>(Clock::now() - turn.due).count();
    const Event event{unix_time(),    appearance.z, appearance.file, appearance.style, step.what,
                      step.completes, late};
    step.act();
    tell(event);
    if (++turn.next < turn.steps->size()) {
      turn.due = Clock::now() + spent((*turn.steps)[turn.next].rest);
      turns.push(std::move(turn));
    }
  }
}

}  // namespace fibflow::testing
