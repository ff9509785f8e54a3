#include "pipeline/live/http/live_server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <nlohmann/json.hpp>
#include <random>
#include <regex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "tests/fixtures/http_client.h"
#include "tests/fixtures/phantom_run.h"

namespace fibflow::pipeline {
namespace {

using fibflow::testing::http_ask;
using fibflow::testing::HttpAnswer;
using fibflow::testing::HttpClient;
using Json = nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct LiveServerTest : ::testing::Test {
  LiveServerTest() { run.add_slices(20); }

  HttpAnswer get(const std::string& path) const { return http_ask(port, path); }
  void expect_that_it_lives() const { EXPECT_EQ(get("/healthz").code, 200); }

  StatusBoard board;
  fibflow::testing::PhantomRun run{board, 64, 20};
  std::atomic<int> silent_seconds = 0;
  Liveness liveness{seconds(60), {}, [this] { return Liveness::Time(seconds(silent_seconds.load())); }};
  LiveServer server{board, liveness, ListenAddress()};
  std::uint16_t port = server.address().port;
};

/// With limits that a test can wait for.
struct ImpatientServerTest : LiveServerTest {
  LiveServer impatient{board, liveness, ListenAddress(), {4, milliseconds(200)}};
  std::uint16_t impatient_port = impatient.address().port;
};

TEST_F(LiveServerTest, ServesEveryResource) {
  const std::pair<const char*, const char*> resources[] = {
      {"/", "text/html; charset=utf-8"},
      {"/healthz", "text/plain; charset=utf-8"},
      {"/metrics", "text/plain; version=0.0.4; charset=utf-8"},
      {"/status", "application/json"},
      {"/history", "application/json"},
      {"/newest.png", "image/png"},
      {"/newest/image.png", "image/png"},
      {"/newest/mask.png", "image/png"},
      {"/status?since=4&x=/../..", "application/json"}};
  for (const auto& [path, type] : resources) {
    const HttpAnswer answer = get(path);
    EXPECT_EQ(answer.code, 200) << path;
    EXPECT_EQ(answer.headers.at("content-type"), type) << path;
    EXPECT_EQ(answer.headers.at("cache-control"), "no-store") << path;
    EXPECT_EQ(answer.headers.at("x-content-type-options"), "nosniff") << path;
    EXPECT_NE(answer.headers.at("content-security-policy").find("default-src 'none'"), std::string::npos)
        << path;
    EXPECT_EQ(answer.headers.at("content-length"), std::to_string(answer.body.size())) << path;
    EXPECT_FALSE(answer.headers.contains("access-control-allow-origin")) << path;
  }
}

TEST_F(LiveServerTest, TellsTheBoardsStatusOfNow) {
  Json status = Json::parse(get("/status").body);
  EXPECT_EQ(status["slices"]["processed"], 20);
  EXPECT_EQ(status["health"]["alive"], true);
  run.add_slice();
  status = Json::parse(get("/status").body);
  EXPECT_EQ(status["slices"]["processed"], 21);
  EXPECT_EQ(Json::parse(get("/history").body)["foreground"].size(), 21U);
  EXPECT_EQ(get("/newest.png").headers.at("fibflow-slice"), "20");
  EXPECT_NE(get("/metrics").body.find("\nfibflow_slices_processed_total 21\n"), std::string::npos);
}

TEST_F(LiveServerTest, PicturesAreOfTheirSizeAndThereIsNoneBeforeTheFirstSlice) {
  const std::string png = get("/newest/mask.png").body;
  ASSERT_GT(png.size(), 33U);
  EXPECT_EQ(png.substr(1, 3), "PNG");
  EXPECT_EQ(png.substr(12, 13), std::string("IHDR\0\0\0\x40\0\0\0\x40\x08", 13));
  board.change([](LiveStatus& status) { status = {}; });
  EXPECT_EQ(get("/newest.png").code, 404);
  EXPECT_EQ(get("/").code, 200);
}

TEST_F(LiveServerTest, HealthIsLostWithSilenceAndComesBack) {
  EXPECT_EQ(get("/healthz").code, 200);
  silent_seconds = 61;
  const HttpAnswer answer = get("/healthz");
  EXPECT_EQ(answer.code, 503);
  EXPECT_NE(answer.body.find("nothing has happened for 1 min 01 s"), std::string::npos);
  EXPECT_EQ(Json::parse(get("/status").body)["health"]["alive"], false);
  liveness.waiting("slice 21 is not there yet");
  EXPECT_EQ(get("/healthz").code, 200);
  EXPECT_EQ(get("/healthz").body, "ok: slice 21 is not there yet\n");
}

TEST_F(LiveServerTest, HeadIsGetWithoutTheBody) {
  const HttpAnswer whole = get("/history");
  const HttpAnswer head = http_ask(port, "/history", "HEAD");
  EXPECT_EQ(head.code, 200);
  EXPECT_TRUE(head.body.empty());
  EXPECT_EQ(head.headers.at("content-length"), whole.headers.at("content-length"));
  EXPECT_EQ(http_ask(port, "/nothing", "HEAD").code, 404);
}

TEST_F(LiveServerTest, RefusesToBeToldAnything) {
  for (const char* method :
       {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "BREW"}) {
    const HttpAnswer answer = http_ask(port, "/status", method);
    EXPECT_EQ(answer.code, 405) << method;
    EXPECT_EQ(answer.headers.at("allow"), "GET, HEAD") << method;
  }
  const HttpClient client(port);
  client.send("POST /status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n");
  EXPECT_EQ(client.answer().code, 405) << "without waiting for the body";
}

TEST_F(LiveServerTest, NoPathReachesAFile) {
  for (const char* path : {"/../../../../etc/passwd", "/..%2f..%2f..%2fetc/passwd",
                           "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/etc/passwd", "/newest/../status",
                           "/status/", "/status%00.html", "/st%61tus", "/Status", "/index.html", "/page.html",
                           "/newest/", "/.", "/proc/self/environ", "/newest/image.png/..", "/%", "/%zz"}) {
    EXPECT_EQ(get(path).code, 404) << path;
  }
  for (const char* target : {"*", "etc/passwd", "http://evil.example/etc/passwd", "file:///etc/passwd"}) {
    const HttpAnswer answer = get(target);
    EXPECT_TRUE(answer.code == 0 || (answer.code >= 400 && answer.code < 500)) << target << answer.code;
  }
  expect_that_it_lives();
}

TEST_F(LiveServerTest, OnLoopbackOnlyItsOwnNamesAreAnsweredTo) {
  const std::string own = std::to_string(port);
  for (const std::string& host :
       {"127.0.0.1:" + own, "localhost:" + own, std::string("[::1]:8080"), std::string("localhost")}) {
    EXPECT_EQ(http_ask(port, "/status", "GET", host).code, 200) << host;
  }
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "", "[::2]",
                           "[", "10.0.0.1", "localhost\r\nHost: evil.example"}) {
    const HttpAnswer answer = http_ask(port, "/status", "GET", host);
    EXPECT_TRUE(answer.code == 421 || answer.code == 400) << host << ": " << answer.code;
    EXPECT_EQ(answer.bytes.find("processed"), std::string::npos) << host;
  }
}

TEST_F(LiveServerTest, ElsewhereAnyNameIsAnsweredTo) {
  const LiveServer open(board, liveness, parse_listen_address("0.0.0.0:0"));
  EXPECT_EQ(http_ask(open.address().port, "/status", "GET", "microscope.example").code, 200);
}

TEST_F(LiveServerTest, ThePageIsWholeAndOnlyItsOwnScriptRuns) {
  const HttpAnswer first = get("/");
  const std::string& policy = first.headers.at("content-security-policy");
  std::smatch nonce;
  ASSERT_TRUE(std::regex_search(policy, nonce, std::regex("script-src 'nonce-([0-9a-f]{32})'"))) << policy;
  EXPECT_EQ(policy.find("unsafe"), std::string::npos);
  EXPECT_NE(first.body.find("<script nonce=\"" + nonce[1].str() + "\">"), std::string::npos);
  EXPECT_NE(first.body.find("<style nonce=\"" + nonce[1].str() + "\">"), std::string::npos);
  EXPECT_EQ(first.body.find("@NONCE@"), std::string::npos);
  EXPECT_EQ(first.body.find("/*SCRIPT*/"), std::string::npos);
  EXPECT_EQ(first.body.find("/*STYLE*/"), std::string::npos);
  EXPECT_EQ(first.body.find(" src=\""), std::string::npos) << "loads something from elsewhere";
  EXPECT_EQ(get("/").body.find(nonce[1]), std::string::npos) << "the word is guessable";
}

TEST_F(ImpatientServerTest, SurvivesGarbage) {
  std::vector<std::string> garbage = {
      "",
      "\r\n\r\n\r\n",
      "GET\r\n\r\n",
      "GET /\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost\r\n\r\n",
      "GET / HTTP/1.1\nHost: localhost\n\n",
      "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      "GET / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: localhost\r\n folded: x\r\n\r\n",
      "GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
      std::string("GET /\0/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 38),
      std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11),
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"};
  std::mt19937 random(11);
  for (int i = 0; i < 200; ++i) {
    std::string bytes(1 + random() % 2000, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    garbage.push_back(i % 2 == 0 ? bytes
                                 : "GET /status HTTP/1.1\r\nHost: localhost\r\n" + bytes + "\r\n\r\n");
  }
  for (const std::string& bytes : garbage) {
    const HttpClient client(impatient_port);
    client.send(bytes);
    client.finish();
    client.answer();
  }
  EXPECT_EQ(http_ask(impatient_port, "/healthz").code, 200);
}

TEST_F(LiveServerTest, RefusesRequestsThatDoNotEnd) {
  const std::string head = "GET /status HTTP/1.1\r\nHost: localhost\r\n";
  const HttpClient long_header(port);
  long_header.send(head + "X: " + std::string(1 << 20, 'x') + "\r\n\r\n");
  EXPECT_NE(long_header.answer().code, 200);
  const HttpClient many_headers(port);
  std::string headers;
  for (int i = 0; i < 20000; ++i) headers.append("X").append(std::to_string(i)).append(": y\r\n");
  many_headers.send(head + headers);
  EXPECT_NE(many_headers.answer().code, 200);
  const HttpClient long_path(port);
  long_path.send("GET /" + std::string(1 << 20, 'x') + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_NE(long_path.answer().code, 200);
  expect_that_it_lives();
}

TEST_F(LiveServerTest, SaysSoWhenHeadersAreTooLarge) {
  const HttpClient client(port);
  client.send("GET /status HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(20000, 'x'));
  EXPECT_EQ(client.answer().code, 431);
}

TEST_F(LiveServerTest, AnswersTheFirstOfPipelinedRequestsAndEnds) {
  const HttpClient client(port);
  const std::string request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  client.send(request + request + request);
  const HttpAnswer answer = client.answer();
  EXPECT_EQ(answer.code, 200);
  EXPECT_EQ(answer.headers.at("connection"), "close");
  EXPECT_EQ(answer.body, "ok: starting\n");
}

TEST_F(ImpatientServerTest, EndsAClientThatNeverGetsDone) {
  const HttpClient client(impatient_port);
  const std::string drip = "GET /status HTTP/1.1\r\nHost: localhost\r\nX: ";
  bool ended = false;
  for (std::size_t i = 0; i < 3000 && !ended; ++i) {
    const bool taken = client.send(i < drip.size() ? drip.substr(i, 1) : "x");
    ended = !taken || client.ended_within(milliseconds(20));
  }
  EXPECT_TRUE(ended);
  EXPECT_EQ(http_ask(impatient_port, "/healthz").code, 200);
}

TEST_F(ImpatientServerTest, EndsAClientThatDoesNotTakeItsAnswer) {
  constexpr std::size_t size = 12 << 20;  // more than the system buffers
  board.change([](LiveStatus& status) { status.options = std::string(size, 'x'); });
  const HttpClient client(impatient_port);
  client.send("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n");
  // Its time is over before that of one that comes later.
  EXPECT_TRUE(HttpClient(impatient_port).ended_within(seconds(60)));
  EXPECT_LT(client.answer().bytes.size(), size);
  board.change([](LiveStatus& status) { status = {}; });
  EXPECT_EQ(http_ask(impatient_port, "/healthz").code, 200);
}

TEST_F(LiveServerTest, ClientsBeyondTheLimitWaitForTheirTurn) {
  const LiveServer narrow(board, liveness, ListenAddress(), {4, std::chrono::hours(1)});
  const std::uint16_t narrow_port = narrow.address().port;
  std::vector<std::unique_ptr<HttpClient>> idle;
  for (int i = 0; i < 4; ++i) idle.push_back(std::make_unique<HttpClient>(narrow_port));
  const HttpClient next(narrow_port);
  next.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_FALSE(next.ended_within(milliseconds(300))) << "more clients at a time than allowed";
  idle.pop_back();
  EXPECT_EQ(next.answer().code, 200);
}

TEST_F(LiveServerTest, ReadersAndTheDaemonDoNotDisturbEachOther) {
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([this, &wrong] {
      for (int k = 0; k < 15; ++k) {
        const Json status = Json::parse(get("/status").body);
        if (status["slices"]["processed"] != status["newest_slice"].get<int>() + 1) ++wrong;
        for (const char* path : {"/metrics", "/history", "/newest.png", "/newest/mask.png"}) {
          if (get(path).code != 200) ++wrong;
        }
      }
    });
  }
  for (int i = 0; i < 40; ++i) {
    run.add_slice();
    liveness.progress();
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(LiveServerTest, EndsWithConnectionsOpen) {
  std::vector<std::unique_ptr<HttpClient>> clients;
  {
    const LiveServer other(board, liveness, ListenAddress());
    for (int i = 0; i < 5; ++i) {
      clients.push_back(std::make_unique<HttpClient>(other.address().port));
      clients.back()->send("GET /sta");
    }
  }
  for (const auto& client : clients) EXPECT_TRUE(client->ended_within(seconds(60)));
}

TEST_F(LiveServerTest, ReportsItsPortAndAnAddressThatIsTaken) {
  EXPECT_GT(port, 0);
  EXPECT_EQ(server.url(), "http://127.0.0.1:" + std::to_string(port) + "/");
  try {
    const LiveServer second(board, liveness, server.address());
    FAIL();
  } catch (const std::system_error& error) {
    EXPECT_EQ(std::string(error.what()),
              "cannot listen at " + server.address().text() + ": Address already in use");
  }
}

}  // namespace
}  // namespace fibflow::pipeline
