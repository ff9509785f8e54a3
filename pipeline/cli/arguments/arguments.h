#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "io/stack.h"
#include "pipeline/options/options.h"

namespace fibflow::cli {

/// "A:B", "A:", ":B" or "A" (that slice alone). Throws CLI::ValidationError.
pipeline::SliceRange parse_slices(const std::string& text);

/// So many finite numbers with commas between them. `option`: for errors. Throws CLI::ValidationError.
std::vector<double> parse_numbers(const std::string& option, const std::string& text, std::size_t count);

/// Bytes from "4G", "512M", "1.5GiB" or "1073741824"; K, M, G and T are powers of 1024. Throws
/// CLI::ValidationError.
std::int64_t parse_bytes(const std::string& text);

/// "90s", "20m", "1.5h", "200ms" or "90", in seconds. `option`: for errors. Throws CLI::ValidationError unless it is above
/// 0; or 0 itself, if that is allowed.
std::chrono::duration<double> parse_duration(const std::string& option, const std::string& text,
                                             bool may_be_zero = false);

/// "90s", "20m", "1.5h" or "200ms": what parse_duration() reads.
std::string duration_text(std::chrono::milliseconds duration);

/// Adds an option for a time; the value that the variable has is the default. The variable must outlive the command line.
CLI::Option* add_duration(CLI::App& command, const std::string& name, std::chrono::milliseconds& variable,
                          const std::string& description);

/// Checks of numbers, as CLI::NonNegativeNumber and CLI::PositiveNumber, but for people: those name the largest double.
CLI::Validator at_least_zero();
CLI::Validator above_zero();

/// Bytes for people: "512 B", "1.5 MiB".
std::string spoken_bytes(std::int64_t bytes);

/// Adds --slices A:B.
CLI::Option* add_slices_option(CLI::App& command, pipeline::SliceRange& slices);

/// "TOP,BOTTOM,LEFT,RIGHT". Throws CLI::ValidationError naming --crop.
io::Margins parse_margins(const std::string& text);
/// "Z,Y,X" in nm, 0 for what is not known. Throws CLI::ValidationError naming --voxel-size.
io::VoxelSize parse_voxel_size(const std::string& text);
/// Adds --crop and --voxel-size.
void add_geometry(CLI::App& command, std::optional<io::Margins>& crop, io::VoxelSize& voxel_nm);

/// Adds --channel.
CLI::Option* add_channel(CLI::App& command, std::optional<int>& channel);

/// Adds --order.
CLI::Option* add_file_order(CLI::App& command, io::FileOrder& order);

/// Adds --output-map.
CLI::Option* add_output_map(CLI::App& command, std::string& output_map);

/// Adds an option whose values have names, as "--recipe stream|two-pass|none"; the value that the variable
/// has is the default. The variable must outlive the command line.
template <typename T>
CLI::Option* add_choice(CLI::App& command, const std::string& name, T& variable,
                        std::vector<std::pair<std::string, T>> choices, const std::string& description) {
  std::string names;
  std::string default_name;
  for (const auto& [choice, value] : choices) {
    names += (names.empty() ? "" : "|") + choice;
    if (value == variable) default_name = choice;
  }
  const auto choose = [name, names, &variable, choices = std::move(choices)](const std::string& text) {
    for (const auto& [choice, value] : choices) {
      if (choice != text) continue;
      variable = value;
      return;
    }
    throw CLI::ValidationError(name, "\"" + text + "\" is none of " + names);
  };
  return command.add_option_function<std::string>(name, choose, description)
      ->type_name(names)
      ->default_str(default_name);
}

}  // namespace fibflow::cli
