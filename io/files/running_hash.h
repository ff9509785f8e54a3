#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace fibflow::io {

/// A checksum of a file as it grows: XXH3 with 64 bits (Collet, xxhash.com), at the speed of memory. Against damage, not
/// against forgery. Not thread-safe.
class RunningHash {
 public:
  RunningHash();
  ~RunningHash();
  RunningHash(RunningHash&&) noexcept;
  RunningHash& operator=(RunningHash&&) noexcept;

  void add(const void* data, std::size_t bytes);
  /// Of all that was added so far.
  std::uint64_t value() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The same of one piece.
std::uint64_t hash_of(const void* data, std::size_t bytes);

}  // namespace fibflow::io
