#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace fibflow::cli {

/// The group of options that few need: only --help-all shows it.
constexpr const char* fine_tuning = "Fine tuning";

/// Help that fits a screen: one line per option, groups without blank lines inside, the default in brackets.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;
};

}  // namespace fibflow::cli
