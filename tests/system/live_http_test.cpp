// Rubbish over HTTP against `fibflow watch` at work: it answers or hangs up, goes on segmenting, and does not grow.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>

#include "tests/system/live_test.h"

namespace fibflow::testing {
namespace {

/// A connection to the daemon.
class Connection {
 public:
  explicit Connection(int port) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval limit = {2, 0};  // what is longer without an answer is cut off by the server's deadline
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    open_ = connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~Connection() { close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool is_open() const { return open_; }
  void send_text(const std::string& text) const {
    for (std::size_t sent = 0; sent < text.size();) {
      const ssize_t count = send(socket_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) return;
      sent += static_cast<std::size_t>(count);
    }
  }
  /// Says that nothing more will come.
  void finish() const { shutdown(socket_, SHUT_WR); }
  /// Everything until the other side hangs up.
  std::string receive() const {
    std::string text;
    char bytes[4096];
    for (ssize_t count; (count = recv(socket_, bytes, sizeof bytes, 0)) > 0;)
      text.append(bytes, static_cast<std::size_t>(count));
    return text;
  }

 private:
  int socket_;
  bool open_ = false;
};

class LiveHttpTest : public LiveTest {
 protected:
  void start_with_http() {
    start({"--http", "127.0.0.1:0"});
    const std::string before = "http://127.0.0.1:";
    ASSERT_TRUE(says(before));
    const std::string said = daemon->said();
    port = std::atoi(said.c_str() + said.find(before) + before.size());
    ASSERT_GT(port, 0) << said;
  }
  std::string ask(const std::string& request) const {
    const Connection connection(port);
    connection.send_text(request);
    return connection.receive();
  }
  std::string get(const std::string& path) const {
    return ask("GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
  }

  int port = 0;
};

TEST_F(LiveHttpTest, RubbishIsAnsweredOrCutOffAndTheWorkGoesOn) {
  put(0, 5);
  start_with_http();
  ASSERT_TRUE(masks_come(0, 5));
  ASSERT_TRUE(get("/healthz").starts_with("HTTP/1.1 200")) << get("/healthz");
  const std::size_t memory = daemon->resident_memory();

  std::mt19937 random(1);
  const std::string host = " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
  std::vector<std::string> rubbish = {
      "",
      "\r\n\r\n",
      "GET\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      "POST /status" + host,
      "DELETE /" + host,
      "GET /../../../../etc/passwd" + host,
      "GET /%2e%2e/%2e%2e/etc/passwd" + host,
      "GET /status.json%00.html" + host,
      "GET //etc/passwd" + host,
      "GET " + std::string(1 << 20, 'a') + host,
      "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + std::string(1 << 20, 'x') + ": y\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
      "GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  // somebody tries TLS
  };
  for (int i = 0; i < 50; ++i) {
    std::string bytes;
    for (unsigned n = random() % 2000; n > 0; --n) bytes.push_back(static_cast<char>(random()));
    rubbish.push_back(bytes);
  }
  for (const std::string& request : rubbish) {
    const Connection connection(port);
    connection.send_text(request);
    connection.finish();
    const std::string answer = connection.receive();
    EXPECT_EQ(answer.find("root:"), std::string::npos) << request.substr(0, 60);
    EXPECT_FALSE(answer.starts_with("HTTP/1.1 2")) << request.substr(0, 60);
  }
  ASSERT_TRUE(daemon->is_running()) << daemon->said();
  EXPECT_TRUE(get("/healthz").starts_with("HTTP/1.1 200"));
  put(5, 10);
  EXPECT_TRUE(masks_come(5, 10));
  EXPECT_TRUE(is_bounded(memory, daemon->resident_memory()));
  EXPECT_EQ(stop(), 0) << daemon->said();
}

TEST_F(LiveHttpTest, ManyConnectionsThatSayNothingHoldNobodyUpForLong) {
  put(0, 5);
  start_with_http();
  ASSERT_TRUE(masks_come(0, 5));
  std::vector<std::unique_ptr<Connection>> silent;
  for (int i = 0; i < 40; ++i) {
    silent.push_back(std::make_unique<Connection>(port));
    silent.back()->send_text("GET / HTTP/1.1\r\nHost: 127.0");
  }
  put(5, 10);
  EXPECT_TRUE(masks_come(5, 10)) << "the work waits for nobody";
  silent.clear();
  EXPECT_TRUE(await([&] { return get("/healthz").starts_with("HTTP/1.1 200"); }));
}

TEST_F(LiveHttpTest, StatusAndMetricsAgreeWithWhatIsOnTheDisk) {
  put(0, 8);
  start_with_http();
  ASSERT_TRUE(masks_come(0, 8));
  ASSERT_TRUE(await([&] { return status().at("slices").at("processed") == 8; })) << status().dump();
  const std::string answer = get("/status");
  const auto body = nlohmann::json::parse(answer.substr(answer.find("\r\n\r\n") + 4));
  EXPECT_EQ(body.at("slices"), status().at("slices"));
  EXPECT_EQ(body.at("newest_slice"), 1007);
  EXPECT_NE(get("/metrics").find("fibflow_"), std::string::npos);
}

}  // namespace
}  // namespace fibflow::testing
