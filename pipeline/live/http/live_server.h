#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "pipeline/live/http/listen_address.h"
#include "pipeline/live/status/live_status.h"
#include "pipeline/live/status/liveness.h"

namespace fibflow::pipeline {

/// What a server allows itself to be asked.
struct HttpLimits {
  int connections = 32;                   ///< at a time; others wait in the system's queue
  std::chrono::milliseconds time{15000};  ///< a connection's whole life, however busy it looks
  std::size_t request_bytes = std::size_t{16}
                              << 10;  ///< line and headers of a request, with their bookkeeping
};

/// Serves LiveResources over HTTP/1.1, to be looked at only: GET and HEAD, one request for each connection. Works on a
/// thread of its own, and knows neither folders nor commands.
///
/// A server that listens on loopback answers only requests that name it so (127.0.0.1, ::1, localhost): a web page from
/// elsewhere cannot read it through a browser by giving its own name this machine's address. Any other address is open to
/// everybody who can connect; there is no encryption and no password: that is a reverse proxy's part.
///
/// On libmicrohttpd: a small C library that is in every distribution, parses requests within a fixed memory per
/// connection, and bounds the connections itself.
class LiveServer {
 public:
  /// Listens, and answers from now on. Board and liveness must outlive the server. Throws std::system_error if the address
  /// cannot be listened at ("cannot listen at 127.0.0.1:8080: Address already in use").
  LiveServer(const StatusBoard& board, const Liveness& liveness, const ListenAddress& address,
             const HttpLimits& limits = {});

  /// Ends every connection.
  ~LiveServer();
  LiveServer(const LiveServer&) = delete;
  LiveServer& operator=(const LiveServer&) = delete;

  /// With the port that was found, if any was asked for.
  const ListenAddress& address() const;
  std::string url() const;  ///< of the live page: "http://127.0.0.1:8080/"

 private:
  class Daemon;
  std::unique_ptr<Daemon> daemon_;
};

}  // namespace fibflow::pipeline
