#pragma once

#include <sys/types.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/pipeline/temporary_folder.h"

namespace fibflow::testing {

/// A page in a real browser: Chromium without a window, told what to do over its DevTools protocol (through a pipe).
class Browser {
 public:
  /// "chromium" or what FIBFLOW_CHROMIUM names; empty if it is not installed.
  static std::string program();

  /// Opens an empty page. Throws std::runtime_error if the browser does not start.
  Browser(int width, int height);
  ~Browser();
  Browser(const Browser&) = delete;
  Browser& operator=(const Browser&) = delete;

  void open(const std::string& url);

  /// Looks like a phone or a screen from now on.
  void resize(int width, int height);
  void set_dark(bool dark);

  /// What a JavaScript expression comes to, as JSON. Throws std::runtime_error with its exception.
  nlohmann::json evaluate(const std::string& expression);

  /// Waits until an expression is true. Throws std::runtime_error if it is not after a minute.
  void wait_until(const std::string& expression);

  /// Everything that the page has complained about: exceptions, errors on the console, what its policy forbade.
  std::string complaints();

  /// Of what is in view, as PNG.
  void save_screenshot(const std::string& path);

 private:
  nlohmann::json call(const std::string& method, const nlohmann::json& parameters);
  nlohmann::json receive();

  TemporaryFolder profile_;
  pid_t process_ = -1;
  int to_ = -1;
  int from_ = -1;
  int calls_ = 0;
  std::string session_;
  std::string received_;  // of the next message
  std::string complaints_;
};

}  // namespace fibflow::testing
