#include "tests/pipeline/http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <sstream>
#include <stdexcept>

namespace fibflow::testing {
namespace {

constexpr int patience_ms = 60000;  // only a broken server needs it

HttpAnswer parse(std::string bytes) {
  HttpAnswer answer;
  answer.bytes = std::move(bytes);
  const auto end = answer.bytes.find("\r\n\r\n");
  if (!answer.bytes.starts_with("HTTP/1.1 ") || end == std::string::npos) return answer;
  answer.code = std::atoi(answer.bytes.c_str() + 9);
  answer.body = answer.bytes.substr(end + 4);
  std::istringstream lines(answer.bytes.substr(0, end));
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    const auto colon = line.find(": ");
    if (colon == std::string::npos) throw std::runtime_error("not a header: " + line);
    std::string name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    answer.headers[name] = line.substr(colon + 2);
  }
  return answer;
}

}  // namespace

HttpClient::HttpClient(std::uint16_t port) : descriptor_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (descriptor_ < 0 || connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    if (descriptor_ >= 0) close(descriptor_);
    throw std::runtime_error("cannot connect to port " + std::to_string(port));
  }
}

HttpClient::~HttpClient() {
  close(descriptor_);
}

bool HttpClient::send(const std::string& bytes) const {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t count = ::send(descriptor_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return false;
    sent += static_cast<std::size_t>(count);
  }
  return true;
}

void HttpClient::finish() const {
  shutdown(descriptor_, SHUT_WR);
}

HttpAnswer HttpClient::answer() const {
  std::string bytes;
  std::array<char, 65536> part;
  pollfd readable{descriptor_, POLLIN, 0};
  while (true) {
    if (poll(&readable, 1, patience_ms) <= 0)
      throw std::runtime_error("the server keeps the connection open");
    const ssize_t count = recv(descriptor_, part.data(), part.size(), 0);
    if (count <= 0) return parse(std::move(bytes));
    bytes.append(part.data(), static_cast<std::size_t>(count));
  }
}

bool HttpClient::ended_within(std::chrono::milliseconds time) const {
  const auto end = std::chrono::steady_clock::now() + time;
  std::array<char, 4096> part;
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
    pollfd readable{descriptor_, POLLIN, 0};
    if (poll(&readable, 1, static_cast<int>(std::max<long>(left, 0))) <= 0) return false;
    if (recv(descriptor_, part.data(), part.size(), 0) <= 0) return true;
  }
}

HttpAnswer http_ask(std::uint16_t port, const std::string& path, const std::string& method,
                    const std::string& host) {
  const HttpClient client(port);
  client.send(method + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\nAccept: */*\r\n\r\n");
  return client.answer();
}

}  // namespace fibflow::testing
