#include "pipeline/cli/arguments/arguments.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>

#include "pipeline/cli/terminal/help_formatter.h"
#include "pipeline/options/number_list.h"

namespace fibflow::cli {
namespace {

/// A whole decimal number that fills the text, or nothing.
std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// What is no number is left to the conversion, which says so.
CLI::Validator checked(bool (*holds)(double), const std::string& range) {
  const auto refusal = [holds, range](const std::string& text) -> std::string {
    double value = 0;
    if (!CLI::detail::lexical_cast(text, value) || (std::isfinite(value) && holds(value))) return {};
    return "must be " + range + ", not " + text;
  };
  return {refusal, "", "number"};
}

}  // namespace

pipeline::SliceRange parse_slices(const std::string& text) {
  const CLI::ValidationError error("--slices", "\"" + text + "\" is not A:B with 0 <= A < B");
  const auto colon = text.find(':');
  pipeline::SliceRange slices;
  const std::string first = text.substr(0, colon);
  if (!first.empty() || colon == std::string::npos) {
    const auto value = whole_number(first);
    if (!value) throw error;
    slices.first = *value;
  }
  if (colon == std::string::npos) {
    slices.end = slices.first + 1;
  } else if (const std::string end = text.substr(colon + 1); !end.empty()) {
    slices.end = whole_number(end);
    if (!slices.end) throw error;
  }
  if (slices.first < 0 || (slices.end && *slices.end <= slices.first)) throw error;
  return slices;
}

std::vector<double> parse_numbers(const std::string& option, const std::string& text, std::size_t count) {
  const auto numbers = pipeline::number_list<double>(text, count);
  const bool finite =
      numbers && std::ranges::all_of(*numbers, [](double number) { return std::isfinite(number); });
  if (finite && numbers->size() == count) return *numbers;
  throw CLI::ValidationError(
      option, "\"" + text + "\" is not " + std::to_string(count) + " numbers with commas between them");
}

std::int64_t parse_bytes(const std::string& text) {
  const CLI::ValidationError error("\"" + text + "\"", "not a number of bytes, as 4G or 512M");
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || !std::isfinite(value) || value <= 0) throw error;
  std::string unit(end, text.data() + text.size());
  for (const std::string_view ending : {"iB", "B"}) {
    if (unit.size() >= ending.size() && unit.ends_with(ending)) {
      unit.resize(unit.size() - ending.size());
      break;
    }
  }
  constexpr std::string_view units = "KMGT";
  int power = 0;
  if (!unit.empty()) {
    const auto found = units.find(static_cast<char>(std::toupper(static_cast<unsigned char>(unit.front()))));
    if (unit.size() != 1 || found == std::string_view::npos) throw error;
    power = static_cast<int>(found) + 1;
  }
  const double bytes = std::ldexp(value, 10 * power);
  if (bytes < 1 || bytes >= 9e18) throw error;
  return static_cast<std::int64_t>(bytes);
}

std::chrono::duration<double> parse_duration(const std::string& option, const std::string& text,
                                             bool may_be_zero) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string unit(end, text.data() + text.size());
  const double factor = unit.empty() || unit == "s" ? 1
                        : unit == "m"               ? 60
                        : unit == "h"               ? 3600
                        : unit == "ms"              ? 0.001
                                                    : 0;
  if (error != std::errc() || !(value >= 0) || (value == 0 && !may_be_zero) || !std::isfinite(value) ||
      factor == 0 || value * factor > 1e9) {
    throw CLI::ValidationError(option, "\"" + text + "\" is no duration, as 90s, 20m or 1.5h");
  }
  return std::chrono::duration<double>(value * factor);
}

std::string duration_text(std::chrono::milliseconds duration) {
  const std::int64_t count = duration.count();
  if (count % 3'600'000 == 0 && count > 0) return std::to_string(count / 3'600'000) + "h";
  if (count % 60'000 == 0 && count > 0) return std::to_string(count / 60'000) + "m";
  if (count % 1000 == 0) return std::to_string(count / 1000) + "s";
  return std::to_string(count) + "ms";
}

CLI::Option* add_duration(CLI::App& command, const std::string& name, std::chrono::milliseconds& variable,
                          const std::string& description) {
  const auto set = [name, &variable](const std::string& text) {
    variable = std::chrono::round<std::chrono::milliseconds>(parse_duration(name, text, true));
  };
  return command.add_option_function<std::string>(name, set, description)
      ->type_name("TIME")
      ->default_str(duration_text(variable));
}

CLI::Validator at_least_zero() {
  return checked([](double value) { return value >= 0; }, "at least 0");
}

CLI::Validator above_zero() {
  return checked([](double value) { return value > 0; }, "above 0");
}

std::string spoken_bytes(std::int64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " B";
  constexpr std::array units = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < units.size()) {
    value /= 1024;
    ++unit;
  }
  char text[40];
  std::snprintf(text, sizeof text, "%.*f %s", value < 10 ? 1 : 0, value, units.at(unit));
  return text;
}

io::Margins parse_margins(const std::string& text) {
  const auto numbers = parse_numbers("--crop", text, 4);
  const bool whole =
      std::ranges::all_of(numbers, [](double n) { return n >= 0 && n <= 1e9 && n == std::floor(n); });
  if (!whole)
    throw CLI::ValidationError("--crop", "\"" + text + "\" is not four numbers of rows and columns");
  const auto pixels = [&](std::size_t i) { return static_cast<int>(numbers[i]); };
  return {pixels(0), pixels(1), pixels(2), pixels(3)};
}

io::VoxelSize parse_voxel_size(const std::string& text) {
  const auto numbers = parse_numbers("--voxel-size", text, 3);
  if (std::ranges::any_of(numbers, [](double nm) { return nm < 0; }))
    throw CLI::ValidationError("--voxel-size", "\"" + text + "\": a size cannot be negative");
  return {numbers[0], numbers[1], numbers[2]};
}

void add_geometry(CLI::App& command, std::optional<io::Margins>& crop, io::VoxelSize& voxel_nm) {
  command
      .add_option_function<std::string>(
          "--crop", [&crop](const std::string& text) { crop = parse_margins(text); },
          "edges that are no image; 0 in the masks")
      ->type_name("TOP,BOTTOM,LEFT,RIGHT")
      ->default_str("the data bar")
      ->group(fine_tuning);
  command
      .add_option_function<std::string>(
          "--voxel-size", [&voxel_nm](const std::string& text) { voxel_nm = parse_voxel_size(text); },
          "in nm; 0: as the stack says")
      ->type_name("Z,Y,X")
      ->default_str("the stack's")
      ->group(fine_tuning);
}

CLI::Option* add_channel(CLI::App& command, std::optional<int>& channel) {
  return command
      .add_option("--channel", channel, "of a stack that has several: the one that is read, from 0 on")
      ->type_name("N")
      ->check(at_least_zero());
}

CLI::Option* add_file_order(CLI::App& command, io::FileOrder& chosen) {
  std::vector<std::pair<std::string, io::FileOrder>> orders;
  for (const io::FileOrder order : {io::FileOrder::number, io::FileOrder::name, io::FileOrder::time})
    orders.emplace_back(io::name_of(order), order);
  return add_choice(command, "--order", chosen, orders, "of the slices of a folder or glob")
      ->group(fine_tuning);
}

CLI::Option* add_output_map(CLI::App& command, std::string& output_map) {
  return command
      .add_option("--output-map", output_map,
                  "of a model with several: NAME of the output, or NUMBER of its map from 0 on")
      ->type_name("NAME|NUMBER")
      ->group(fine_tuning);
}

CLI::Option* add_slices_option(CLI::App& command, pipeline::SliceRange& slices) {
  return command
      .add_option_function<std::string>(
          "--slices", [&slices](const std::string& text) { slices = parse_slices(text); },
          "only slices A to B-1, counted from 0")
      ->type_name("A:B");
}

}  // namespace fibflow::cli
