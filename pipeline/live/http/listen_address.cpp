#include "pipeline/live/http/listen_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace fibflow::pipeline {
namespace {

bool is_address(const std::string& host) {
  unsigned char bytes[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), bytes) == 1 || inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

}  // namespace

bool ListenAddress::loopback() const {
  in6_addr v6 = {};
  if (inet_pton(AF_INET6, host.c_str(), &v6) == 1) {
    if (IN6_IS_ADDR_V4MAPPED(&v6)) return v6.s6_addr[12] == 127;
    return IN6_IS_ADDR_LOOPBACK(&v6);
  }
  return host.starts_with("127.");
}

std::string ListenAddress::text() const {
  return (ipv6() ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

ListenAddress parse_listen_address(std::string_view text) {
  const auto refuse = [text](const std::string& reason) {
    throw std::invalid_argument("'" + std::string(text) + "' is no place to listen at: " + reason +
                                "; say 127.0.0.1:8080, [::1]:8080 or 8080");
  };
  ListenAddress address;
  std::string_view port = text;
  if (const auto colon = text.rfind(':'); colon != std::string_view::npos) {
    port = text.substr(colon + 1);
    std::string_view host = text.substr(0, colon);
    const bool brackets = host.starts_with('[') && host.ends_with(']') && host.size() > 2;
    if (brackets) host = host.substr(1, host.size() - 2);
    if (!host.empty()) address.host = host == "localhost" ? "127.0.0.1" : host;
    if (address.ipv6() != brackets) refuse("an IPv6 address, and nothing else, stands in brackets");
    if (!is_address(address.host)) refuse("'" + address.host + "' is not an address");
  }
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (port.empty() || error != std::errc() || end != port.data() + port.size()) {
    refuse("'" + std::string(port) + "' is not a port from 0 to 65535");
  }
  return address;
}

}  // namespace fibflow::pipeline
