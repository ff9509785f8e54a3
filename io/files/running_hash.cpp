#include "io/files/running_hash.h"

// Its code is taken in here, so that no library is needed when the program runs.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace fibflow::io {

struct RunningHash::State {
  XXH3_state_t xxh3;
};

RunningHash::RunningHash() : state_(std::make_unique<State>()) {
  XXH3_64bits_reset(&state_->xxh3);
}
RunningHash::~RunningHash() = default;
RunningHash::RunningHash(RunningHash&&) noexcept = default;
RunningHash& RunningHash::operator=(RunningHash&&) noexcept = default;

void RunningHash::add(const void* data, std::size_t bytes) {
  XXH3_64bits_update(&state_->xxh3, data, bytes);
}

std::uint64_t RunningHash::value() const {
  return XXH3_64bits_digest(&state_->xxh3);
}

std::uint64_t hash_of(const void* data, std::size_t bytes) {
  RunningHash hash;
  hash.add(data, bytes);
  return hash.value();
}

}  // namespace fibflow::io
