#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

namespace fibflow::testing {

/// The service manager's end of its notifications (sd_notify(3)); whoever reads the environment while it lives is told of it.
class ServiceManager {
 public:
  /// An address as in NOTIFY_SOCKET: a path, or "@" and a name.
  explicit ServiceManager(const std::string& address)
      : socket_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un bound = {};
    bound.sun_family = AF_UNIX;
    std::memcpy(bound.sun_path, address.data(), address.size());
    if (address[0] == '@') bound.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&bound), size), 0) << std::strerror(errno);
    setenv("NOTIFY_SOCKET", address.c_str(), 1);
  }
  ~ServiceManager() {
    close(socket_);
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) unsetenv(name);
  }
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;

  /// The next message; empty if there is none. Datagrams on one machine are there when they are sent.
  std::string heard() const {
    std::array<char, 4096> bytes;
    const ssize_t count = recv(socket_, bytes.data(), bytes.size(), MSG_DONTWAIT);
    return count > 0 ? std::string(bytes.data(), static_cast<std::size_t>(count)) : "";
  }

 private:
  int socket_;
};

/// Of a socket that no other process of these tests has.
inline std::string abstract_name() {
  return "@fibflow-test-" + std::to_string(getpid());
}

}  // namespace fibflow::testing
