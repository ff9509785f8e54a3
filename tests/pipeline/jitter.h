#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>

namespace fibflow::testing {

/// For RunHooks: delays each node call differently, by up to a third of a millisecond.
inline std::function<void(const char*)> jitter(std::uint64_t seed) {
  return [seed, calls = std::make_shared<std::atomic<std::uint64_t>>(0)](const char*) {
    std::uint64_t x = seed * 0x9E3779B97F4A7C15U + ++*calls * 0xBF58476D1CE4E5B9U;
    x ^= x >> 31;
    std::this_thread::sleep_for(std::chrono::microseconds(x * 0x94D049BB133111EBU >> 32 & 255));
  };
}

}  // namespace fibflow::testing
