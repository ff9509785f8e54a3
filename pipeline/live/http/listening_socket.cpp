#include "pipeline/live/http/listening_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace fibflow::pipeline {
namespace {

/// An address of either kind, as the system has it.
union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

socklen_t fill(const ListenAddress& address, SocketAddress& socket_address) {
  socket_address = {};
  if (address.ipv6()) {
    socket_address.v6.sin6_family = AF_INET6;
    socket_address.v6.sin6_port = htons(address.port);
    inet_pton(AF_INET6, address.host.c_str(), &socket_address.v6.sin6_addr);
    return sizeof socket_address.v6;
  }
  socket_address.v4.sin_family = AF_INET;
  socket_address.v4.sin_port = htons(address.port);
  inet_pton(AF_INET, address.host.c_str(), &socket_address.v4.sin_addr);
  return sizeof socket_address.v4;
}

}  // namespace

ListeningSocket listen_at(const ListenAddress& address, int backlog) {
  const auto fail = [&address](int descriptor) {
    const int error = errno;
    if (descriptor >= 0) close(descriptor);
    throw std::system_error(error, std::generic_category(), "cannot listen at " + address.text());
  };
  SocketAddress place;
  socklen_t size = fill(address, place);
  const int descriptor = socket(place.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) fail(descriptor);
  const int on = 1;
  // A daemon that starts again takes its port again, although the last one's connections are still fading away.
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.ipv6()) setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (bind(descriptor, &place.any, size) != 0 || listen(descriptor, backlog) != 0 ||
      getsockname(descriptor, &place.any, &size) != 0) {
    fail(descriptor);
  }
  ListeningSocket listening{descriptor, address};
  listening.address.port = ntohs(address.ipv6() ? place.v6.sin6_port : place.v4.sin_port);
  return listening;
}

}  // namespace fibflow::pipeline
