#include "pipeline/live/http/listen_address.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace fibflow::pipeline {
namespace {

TEST(ListenAddressTest, IsLoopbackUnlessAnotherAddressIsSaid) {
  for (const char* text : {"8080", ":8080", "localhost:8080", "127.0.0.1:8080"}) {
    EXPECT_EQ(parse_listen_address(text).text(), "127.0.0.1:8080") << text;
    EXPECT_TRUE(parse_listen_address(text).loopback()) << text;
  }
  EXPECT_EQ(parse_listen_address("[::1]:0").text(), "[::1]:0");
  EXPECT_TRUE(parse_listen_address("[::1]:0").loopback());
  EXPECT_TRUE(parse_listen_address("127.9.9.9:1").loopback());
  EXPECT_TRUE(parse_listen_address("[::ffff:127.0.0.1]:1").loopback());
  for (const char* text :
       {"0.0.0.0:80", "[::]:80", "192.168.1.5:80", "[::ffff:10.0.0.1]:80", "[fe80::1]:80"}) {
    EXPECT_FALSE(parse_listen_address(text).loopback()) << text;
  }
}

TEST(ListenAddressTest, RefusesWhatIsNoAddressOrPort) {
  for (const char* text : {"", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
                           "127.0.0.1:80x", "127.0.0.1: 80", "::1:8080", "[::1]", "[127.0.0.1]:80", "[]:80",
                           "microscope:80", "1.2.3:80", "http://127.0.0.1:80", "+80"}) {
    EXPECT_THROW(parse_listen_address(text), std::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace fibflow::pipeline
