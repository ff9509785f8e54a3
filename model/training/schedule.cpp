#include "model/training/schedule.h"

#include <cmath>
#include <numbers>
#include <stdexcept>

namespace fibflow::model {
namespace {

/// Half a cosine from one value to the other as share goes from 0 to 1.
double between(double from, double to, double share) {
  return to + (from - to) * (1 + std::cos(std::numbers::pi * share)) / 2;
}

}  // namespace

const char* name_of(Schedule schedule) {
  switch (schedule) {
    case Schedule::one_cycle:
      return "one-cycle";
    case Schedule::cosine:
      return "cosine";
    case Schedule::constant:
      return "constant";
  }
  throw std::logic_error("unknown schedule");
}

double learning_rate(Schedule schedule, double peak, double progress) {
  if (!(progress >= 0 && progress <= 1)) throw std::invalid_argument("progress outside [0, 1]");
  constexpr double rise = 0.3;
  const double start = peak / 25;
  switch (schedule) {
    case Schedule::one_cycle:
      return progress < rise ? between(start, peak, progress / rise)
                             : between(peak, start / 1e4, (progress - rise) / (1 - rise));
    case Schedule::cosine:
      return between(peak, 0, progress);
    case Schedule::constant:
      return peak;
  }
  throw std::logic_error("unknown schedule");
}

}  // namespace fibflow::model
