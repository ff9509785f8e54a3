#include "nodes/tiles/worker_pool.h"

#include <stdexcept>

namespace fibflow::nodes {

WorkerPool::WorkerPool(int capacity) : capacity_(capacity) {
  if (capacity < 1) throw std::invalid_argument("a worker pool needs at least one worker");
  idle_.reserve(static_cast<std::size_t>(capacity));
}

WorkerPool::Lease WorkerPool::lend() {
  std::unique_lock lock(mutex_);
  returned_.wait(lock, [this] { return !idle_.empty() || made_ < capacity_; });
  std::unique_ptr<Worker> worker;
  if (!idle_.empty()) {
    worker = std::move(idle_.back());
    idle_.pop_back();
  } else {
    worker = std::make_unique<Worker>();
    ++made_;
  }
  return {worker.release(), [this](Worker* returned) {
            const std::lock_guard relock(mutex_);
            idle_.emplace_back(returned);  // capacity was reserved: cannot throw
            returned_.notify_one();
          }};
}

}  // namespace fibflow::nodes
