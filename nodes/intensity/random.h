#pragma once

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <numbers>

namespace fibflow::nodes {

/// Random numbers that are the same on every machine, unlike the standard distributions: SplitMix64 (Steele,
/// Lea, Flood 2014). A stream for each thing that is drawn, named by numbers, makes the order of drawing
/// irrelevant. Not thread-safe.
class Random {
 public:
  /// The stream with this name: (seed, iteration, sample), say.
  Random(std::initializer_list<std::uint64_t> name) {
    for (const std::uint64_t number : name) state_ = mixed(state_ ^ number) + increment;
  }

  std::uint64_t next() { return mixed(state_ += increment); }

  /// In (0, 1).
  double uniform() { return (static_cast<double>(next() >> 11U) + 0.5) * 0x1p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }

  /// 0, …, count - 1.
  std::int64_t below(std::int64_t count) {
    const auto drawn = static_cast<std::int64_t>(uniform() * static_cast<double>(count));
    return drawn < count ? drawn : count - 1;
  }

  bool chance(double probability) { return uniform() < probability; }

  /// Standard normal: Box and Muller 1958.
  double normal() {
    const double radius = std::sqrt(-2 * std::log(uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  static constexpr std::uint64_t increment = 0x9e3779b97f4a7c15U;

  static std::uint64_t mixed(std::uint64_t z) {
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }

  std::uint64_t state_ = increment;
};

}  // namespace fibflow::nodes
