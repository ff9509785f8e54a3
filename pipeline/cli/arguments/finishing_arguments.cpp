#include <CLI/CLI.hpp>
#include <optional>
#include <string_view>

#include "pipeline/cli/arguments/arguments.h"
#include "pipeline/cli/arguments/run_arguments.h"
#include "pipeline/cli/terminal/help_formatter.h"
#include "pipeline/options/number_list.h"

namespace fibflow::cli {
namespace {

/// In slices, or in nanometres with "nm" behind it; nothing if it is neither.
std::optional<pipeline::ZSmoothing> parse_smoothing(std::string_view text) {
  constexpr std::string_view unit = "nm";
  const bool in_nanometres = text.ends_with(unit);
  if (in_nanometres) text.remove_suffix(unit.size());
  const auto width = pipeline::number_list<double>(text, 1);
  if (!width) return std::nullopt;
  return pipeline::ZSmoothing{width->front(), in_nanometres};
}

}  // namespace

void add_finishing_arguments(CLI::App& command, pipeline::ZSmoothing& smoothing, int& copies,
                             bool is_for_fine_tuning) {
  command
      .add_option_function<std::string>(
          "--smooth-z",
          [&smoothing](const std::string& text) {
            const auto parsed = parse_smoothing(text);
            if (!parsed || !(parsed->width >= 0))
              throw CLI::ValidationError("--smooth-z", "\"" + text + "\" is no width, as 1 (slices) or 20nm");
            smoothing = *parsed;
          },
          "probabilities are averaged over neighbouring slices: Gauss; 0: not")
      ->type_name("SLICES|NMnm")
      ->default_str("1")
      ->group(is_for_fine_tuning ? fine_tuning : "Output");
  add_choice(command, "--copies", copies, {{"1", 1}, {"2", 2}, {"4", 4}},
             "mirror images that the network sees, too; the mean counts, at so many times the work")
      ->group(fine_tuning);
}

}  // namespace fibflow::cli
