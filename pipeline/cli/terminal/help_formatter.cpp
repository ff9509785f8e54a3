#include "pipeline/cli/terminal/help_formatter.h"

#include <algorithm>
#include <utility>

namespace fibflow::cli {
namespace {

/// A line of the help: what one writes, and what it means.
using Entry = std::pair<std::string, std::string>;

constexpr std::size_t widest_left_column = 34;

std::string usage(const CLI::App& app, const std::string& name) {
  std::string text = "Usage: " + name;
  if (!app.get_subcommands([](const CLI::App*) { return true; }).empty()) text += " COMMAND";
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_positional()) continue;
    const bool many = option->get_expected_max() > 1;
    text += " " + option->get_name(true) + (many ? "..." : "");
  }
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional() || !option->get_required()) continue;
    text += " --" + option->get_lnames().front() + " " + option->get_type_name();
  }
  return text + " [options]\n";
}

Entry entry_of(const CLI::Option& option, bool positional) {
  if (positional) return {option.get_name(true), option.get_description()};
  std::string left = option.get_name(false, true);
  const auto comma = left.find(',');
  if (comma != std::string::npos) left.insert(comma + 1, " ");
  const bool takes_value = option.get_type_size() != 0;
  if (takes_value) left += " " + option.get_type_name();
  std::string right = option.get_description();
  if (option.get_required()) right += " (required)";
  if (takes_value && !option.get_default_str().empty()) right += " [" + option.get_default_str() + "]";
  return {std::move(left), std::move(right)};
}

std::string section(const std::string& title, const std::vector<Entry>& entries, std::size_t left_column) {
  if (entries.empty()) return {};
  std::string text = "\n" + title + ":\n";
  for (const auto& [left, right] : entries) {
    text += "  " + left;
    if (left.size() > left_column) {
      text += "\n" + std::string(left_column + 4, ' ');
    } else {
      text += std::string(left_column + 2 - left.size(), ' ');
    }
    text += right + "\n";
  }
  return text;
}

}  // namespace

std::string HelpFormatter::make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const {
  std::vector<std::pair<std::string, std::vector<Entry>>> sections;
  auto& commands = sections.emplace_back("Commands", std::vector<Entry>()).second;
  for (const CLI::App* command : app->get_subcommands([](const CLI::App*) { return true; })) {
    const std::string description = command->get_description();
    commands.emplace_back(command->get_name(), description.substr(0, description.find('\n')));
  }
  std::vector<Entry> arguments;
  for (const CLI::Option* option : app->get_options()) {
    if (option->get_positional()) arguments.push_back(entry_of(*option, true));
  }
  sections.emplace_back("Arguments", std::move(arguments));
  std::vector<Entry> about_help;
  for (const std::string& group : app->get_groups()) {
    if (group.empty() || (group == fine_tuning && mode != CLI::AppFormatMode::All)) continue;
    std::vector<Entry> entries;
    for (const CLI::Option* option : app->get_options()) {
      if (option->get_group() != group || !option->nonpositional()) continue;
      const bool is_help = option == app->get_help_ptr() || option == app->get_help_all_ptr() ||
                           option == app->get_version_ptr();
      (is_help ? about_help : entries).push_back(entry_of(*option, false));
    }
    sections.emplace_back(group, std::move(entries));
  }
  // Last is where a reader looks for it.
  sections.emplace_back("Help", std::move(about_help));

  std::size_t left_column = 0;
  for (const auto& [title, entries] : sections) {
    for (const auto& entry : entries) left_column = std::max(left_column, entry.first.size());
  }
  left_column = std::min(left_column, widest_left_column);
  std::string text = app->get_description() + "\n\n" + usage(*app, name);
  for (const auto& [title, entries] : sections) text += section(title, entries, left_column);
  if (!app->get_footer().empty()) text += "\n" + app->get_footer() + "\n";
  return text;
}

}  // namespace fibflow::cli
