#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

namespace fibflow::pipeline {

/// For how long nothing has come, as somebody saw who kept looking: the time in which he was busy, or asleep, does not count.
/// Not thread-safe.
class Silence {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Something was there to do.
  void end() { since_.reset(); }

  /// A look, from `begin` to `end`, found nothing to do.
  void go_on(Time begin, Time end) {
    // Longer than any rest between two looks.
    constexpr std::chrono::seconds longest_absence{5};
    const bool was_away =
        end - begin > longest_absence || (last_look_ && begin - *last_look_ > longest_absence);
    if (was_away || !since_) since_ = end;
    last_look_ = end;
  }

  /// news: when something came that gave nothing to do yet.
  bool has_lasted(std::chrono::milliseconds time, Time news, Time now) const {
    return since_ && now - std::max(*since_, news) >= time;
  }

 private:
  std::optional<Time> since_;
  std::optional<Time> last_look_;
};

}  // namespace fibflow::pipeline
