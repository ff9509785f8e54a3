#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace fibflow::testing {

/// What a server answered. `code` is 0 if it closed the connection without an answer.
struct HttpAnswer {
  int code = 0;
  std::map<std::string, std::string> headers;  ///< names in small letters
  std::string body;
  std::string bytes;  ///< everything, as it came
};

/// A TCP connection to a port of 127.0.0.1 that says anything.
class HttpClient {
 public:
  explicit HttpClient(std::uint16_t port);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// False if the server does not take it (any more).
  bool send(const std::string& bytes) const;
  void finish() const;  ///< says that nothing more will be sent

  /// Reads until the server ends the connection.
  HttpAnswer answer() const;

  /// Waits at most so long for the server to end the connection; what it sends is dropped.
  bool ended_within(std::chrono::milliseconds time) const;

 private:
  int descriptor_ = -1;
};

/// METHOD /path, as a browser would ask for it.
HttpAnswer http_ask(std::uint16_t port, const std::string& path, const std::string& method = "GET",
                    const std::string& host = "127.0.0.1");

}  // namespace fibflow::testing
