#include "pipeline/live/live_requests.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <stdexcept>

#include "pipeline/flow/interruption.h"

namespace fibflow::pipeline {
namespace {

bool is_readable(int descriptor) {
  pollfd poll_descriptor{descriptor, POLLIN, 0};
  return ::poll(&poll_descriptor, 1, 0) == 1;
}

TEST(LiveRequestsTest, SignalsAskAndWake) {
  Interruption interruption;  // it takes SIGHUP for a stop
  LiveRequests requests(interruption.token());
  EXPECT_FALSE(is_readable(requests.descriptor()));
  ::raise(SIGHUP);
  EXPECT_TRUE(is_readable(requests.descriptor()));
  requests.clear();
  EXPECT_FALSE(is_readable(requests.descriptor()));
  EXPECT_TRUE(requests.take_rescan());
  EXPECT_FALSE(requests.take_rescan());
  EXPECT_FALSE(requests.stack_is_asked());
  ::raise(SIGUSR1);
  EXPECT_TRUE(requests.stack_is_asked());
  EXPECT_TRUE(requests.take_stack());
  EXPECT_FALSE(requests.take_stack());
  EXPECT_EQ(interruption.signal(), 0);
}

TEST(LiveRequestsTest, AStopWakes) {
  std::stop_source stop;
  LiveRequests requests(stop.get_token());
  stop.request_stop();
  EXPECT_TRUE(is_readable(requests.descriptor()));
}

TEST(LiveRequestsTest, LeavesSighupIgnoredWhereItWas) {
  struct sigaction ignore = {};
  ignore.sa_handler = SIG_IGN;
  struct sigaction before = {};
  ::sigaction(SIGHUP, &ignore, &before);
  {
    LiveRequests requests{std::stop_token()};
    ::raise(SIGHUP);
    EXPECT_FALSE(requests.take_rescan());
  }
  ::sigaction(SIGHUP, &before, nullptr);
}

TEST(LiveRequestsTest, ThereIsOneAtATime) {
  const LiveRequests requests{std::stop_token()};
  EXPECT_THROW(LiveRequests{std::stop_token()}, std::logic_error);
}

}  // namespace
}  // namespace fibflow::pipeline
