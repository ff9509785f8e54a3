#include "tests/pipeline/browser.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace fibflow::testing {
namespace {

using Json = nlohmann::json;

constexpr int patience_ms = 60000;  // only a broken page needs it

[[noreturn]] void become_chromium(const std::string& program, int commands, int answers,
                                  const std::vector<std::string>& arguments) {
  // It reads commands from descriptor 3 and answers on 4; those may be the pipes' own numbers, in any order.
  const int in = fcntl(commands, F_DUPFD, 10);
  const int out = fcntl(answers, F_DUPFD, 10);
  dup2(in, 3);
  dup2(out, 4);
  close(in);
  close(out);
  const int silence = open("/dev/null", O_RDWR);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(silence, standard);
  setpgid(0, 0);
  std::vector<char*> argv = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execv(program.c_str(), argv.data());
  _exit(127);
}

std::string decoded(const std::string& base64) {
  static const std::string letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned bits = 0;
  int count = 0;
  for (const char letter : base64) {
    if (letter == '=') break;
    bits = bits << 6 | static_cast<unsigned>(letters.find(letter));
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 255);
  }
  return bytes;
}

}  // namespace

std::string Browser::program() {
  const char* named = std::getenv("FIBFLOW_CHROMIUM");
  const std::string name = named == nullptr ? "chromium" : named;
  if (name.find('/') != std::string::npos) return access(name.c_str(), X_OK) == 0 ? name : "";
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string file = folder + "/" + name;
    if (access(file.c_str(), X_OK) == 0) return file;
  }
  return "";
}

Browser::Browser(int width, int height) {
  std::array<int, 2> commands, answers;
  if (pipe2(commands.data(), O_CLOEXEC) != 0 || pipe2(answers.data(), O_CLOEXEC) != 0) {
    throw std::runtime_error("no pipe");
  }
  const std::string program = Browser::program();
  const std::vector<std::string> arguments = {"--headless",
                                              "--remote-debugging-pipe",
                                              "--no-sandbox",  // which it cannot have as root
                                              "--disable-gpu",
                                              "--disable-dev-shm-usage",
                                              "--disable-background-networking",
                                              "--disable-component-update",
                                              "--no-first-run",
                                              "--hide-scrollbars",
                                              "--user-data-dir=" + (profile_ / "profile"),
                                              "about:blank"};
  process_ = fork();
  if (process_ == 0) become_chromium(program, commands[0], answers[1], arguments);
  close(commands[0]);
  close(answers[1]);
  to_ = commands[1];
  from_ = answers[0];
  const Json target = call("Target.createTarget", {{"url", "about:blank"}});
  session_ =
      call("Target.attachToTarget", {{"targetId", target.at("targetId")}, {"flatten", true}}).at("sessionId");
  call("Runtime.enable", Json::object());
  call("Log.enable", Json::object());
  call("Page.enable", Json::object());
  resize(width, height);
}

Browser::~Browser() {
  close(to_);
  close(from_);
  if (process_ > 0) {
    kill(-process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }
}

Json Browser::receive() {
  std::array<char, 65536> part;
  while (true) {
    const auto end = received_.find('\0');
    if (end != std::string::npos) {
      Json message = Json::parse(received_.substr(0, end));
      received_.erase(0, end + 1);
      return message;
    }
    pollfd readable{from_, POLLIN, 0};
    if (poll(&readable, 1, patience_ms) <= 0) throw std::runtime_error("the browser says nothing");
    const ssize_t count = read(from_, part.data(), part.size());
    if (count <= 0) throw std::runtime_error("the browser has ended");
    received_.append(part.data(), static_cast<std::size_t>(count));
  }
}

Json Browser::call(const std::string& method, const Json& parameters) {
  Json command{{"id", ++calls_}, {"method", method}, {"params", parameters}};
  if (!session_.empty()) command["sessionId"] = session_;
  const std::string text = command.dump() + '\0';
  if (write(to_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    throw std::runtime_error("the browser has ended");
  }
  while (true) {
    const Json message = receive();
    if (message.contains("method")) {
      const std::string event = message["method"];
      const Json& what = message["params"];
      if (event == "Runtime.exceptionThrown") complaints_ += what["exceptionDetails"].dump() + "\n";
      if (event == "Log.entryAdded" && what["entry"]["level"] == "error")
        complaints_ += what["entry"].dump() + "\n";
      if (event == "Runtime.consoleAPICalled" && what["type"] == "error")
        complaints_ += what["args"].dump() + "\n";
    } else if (message.at("id") == calls_) {
      if (message.contains("error")) throw std::runtime_error(method + ": " + message["error"].dump());
      return message.at("result");
    }
  }
}

void Browser::open(const std::string& url) {
  const Json result = call("Page.navigate", {{"url", url}});
  if (result.contains("errorText")) throw std::runtime_error(url + ": " + result["errorText"].dump());
  wait_until("document.readyState === 'complete' && location.href !== 'about:blank'");
}

void Browser::resize(int width, int height) {
  call("Emulation.setDeviceMetricsOverride",
       {{"width", width}, {"height", height}, {"deviceScaleFactor", 1}, {"mobile", width < 600}});
}

void Browser::set_dark(bool dark) {
  const Json feature{{"name", "prefers-color-scheme"}, {"value", dark ? "dark" : "light"}};
  call("Emulation.setEmulatedMedia", {{"features", Json::array({feature})}});
}

Json Browser::evaluate(const std::string& expression) {
  const Json result =
      call("Runtime.evaluate", {{"expression", expression}, {"returnByValue", true}, {"awaitPromise", true}});
  if (result.contains("exceptionDetails")) {
    throw std::runtime_error(expression + ": " + result["exceptionDetails"].dump());
  }
  return result.at("result").value("value", Json());
}

void Browser::wait_until(const std::string& expression) {
  const std::string waiting =
      "new Promise((resolve) => { const end = Date.now() + " + std::to_string(patience_ms / 2) +
      "; const look = () => { let is = false; try { is = Boolean(" + expression +
      "); } catch {} if (is || Date.now() > end) resolve(is); else setTimeout(look, 20); }; "
      "look(); })";
  Json is;
  try {
    is = evaluate(waiting);
  } catch (const std::runtime_error&) {
    is = evaluate(waiting);  // the page that was asked has been left for another one
  }
  if (is != true) {
    throw std::runtime_error("never true: " + expression + "\n" + complaints_ +
                             evaluate("document.body.innerText").dump());
  }
}

std::string Browser::complaints() {
  evaluate("0");  // what was said before is here by now
  return complaints_;
}

void Browser::save_screenshot(const std::string& path) {
  std::ofstream(path, std::ios::binary)
      << decoded(call("Page.captureScreenshot", {{"format", "png"}}).at("data").get<std::string>());
}

}  // namespace fibflow::testing
