#include "pipeline/live/status/liveness.h"

#include <stdexcept>
#include <utility>

#include "pipeline/flow/spoken.h"

namespace fibflow::pipeline {

Liveness::Liveness(std::chrono::duration<double> limit, std::function<void()> on_beat,
                   std::function<Time()> clock)
    : limit_(limit), on_beat_(std::move(on_beat)), clock_(std::move(clock)), last_beat_(clock_()) {
  if (!(limit > limit.zero())) throw std::invalid_argument("a daemon cannot be silent for no time at all");
}

Liveness::Work::Work(Liveness& liveness) : liveness_(liveness) {
  liveness_.progress();
  const std::lock_guard lock(liveness_.mutex_);
  ++liveness_.works_;
}

Liveness::Work::~Work() {
  const std::lock_guard lock(liveness_.mutex_);
  --liveness_.works_;
}

void Liveness::progress() {
  const std::lock_guard lock(mutex_);
  last_beat_ = clock_();
  reason_ = "working";
  if (on_beat_) on_beat_();
}

void Liveness::waiting(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  if (works_ > 0) return;
  last_beat_ = clock_();
  reason_ = reason;
  if (on_beat_) on_beat_();
}

Liveness::Verdict Liveness::verdict() const {
  const std::lock_guard lock(mutex_);
  const std::chrono::duration<double> silence = clock_() - last_beat_;
  if (silence <= limit_) return {true, reason_, silence};
  return {false, "nothing has happened for " + spoken_duration(silence) + "; last: " + reason_, silence};
}

}  // namespace fibflow::pipeline
