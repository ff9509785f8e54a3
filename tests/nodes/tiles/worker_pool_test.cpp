#include "nodes/tiles/worker_pool.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <stdexcept>

namespace fibflow::nodes {
namespace {

TEST(WorkerPoolTest, LendsAReturnedWorkerAgain) {
  WorkerPool pool(1);
  auto lent = pool.lend();
  const Worker* first = lent.get();
  lent.reset();
  EXPECT_EQ(pool.lend().get(), first);
}

TEST(WorkerPoolTest, NeverMakesMoreWorkersThanItsCapacity) {
  WorkerPool pool(2);
  const auto one = pool.lend();
  const auto two = pool.lend();
  EXPECT_NE(one.get(), two.get());
}

TEST(WorkerPoolTest, WaitsForAWorkerToBeReturned) {
  WorkerPool pool(1);
  auto lent = pool.lend();
  const Worker* only = lent.get();
  auto waiting = std::async(std::launch::async, [&] {
    const auto next = pool.lend();
    return next.get() == only;
  });
  EXPECT_EQ(waiting.wait_for(std::chrono::milliseconds(1)), std::future_status::timeout);
  lent.reset();
  EXPECT_TRUE(waiting.get());
}

TEST(WorkerPoolTest, NeedsAWorker) {
  EXPECT_THROW(WorkerPool(0), std::invalid_argument);
}

}  // namespace
}  // namespace fibflow::nodes
