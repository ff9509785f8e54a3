#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fibflow::pipeline {

/// Where a server listens: an address of this machine and a TCP port.
struct ListenAddress {
  std::string host = "127.0.0.1";  ///< IPv4, or IPv6 without brackets; always a number, never a name
  std::uint16_t port = 0;          ///< 0: any that is free

  bool ipv6() const { return host.find(':') != std::string::npos; }
  /// Only programs on this machine can connect.
  bool loopback() const;
  std::string text() const;  ///< "127.0.0.1:8080", "[::1]:8080"
};

/// Reads "127.0.0.1:8080", "[::1]:8080", "localhost:8080", ":8080" or "8080"; without an address it is 127.0.0.1.
/// Throws std::invalid_argument, also for other names than localhost: what a name stands for can change.
ListenAddress parse_listen_address(std::string_view text);

}  // namespace fibflow::pipeline
