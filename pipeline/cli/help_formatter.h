#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace fibflow::cli {

/// Help that fits a screen: one line per option, groups without blank lines inside, the default in brackets.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;
};

}  // namespace fibflow::cli
