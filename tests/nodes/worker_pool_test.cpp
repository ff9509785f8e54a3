#include "nodes/worker_pool.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace fibflow::nodes {
namespace {

TEST(WorkerPoolTest, LendsAReturnedWorkerAgain) {
  WorkerPool pool(1);
  const Worker* first = pool.lend().get();
  EXPECT_EQ(pool.lend().get(), first);
}

TEST(WorkerPoolTest, NeverMakesMoreWorkersThanItsCapacity) {
  WorkerPool pool(2);
  const auto one = pool.lend();
  const auto two = pool.lend();
  EXPECT_NE(one.get(), two.get());
  EXPECT_THROW(pool.lend(), std::logic_error);
}

TEST(WorkerPoolTest, NeedsAWorker) {
  EXPECT_THROW(WorkerPool(0), std::invalid_argument);
}

}  // namespace
}  // namespace fibflow::nodes
