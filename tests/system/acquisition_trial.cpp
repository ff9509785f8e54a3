// Lets fibflow follow a whole simulated acquisition while it is killed, and prints what became of it.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/system/live_trial.h"

namespace {

using fibflow::testing::TrialOptions;

struct Arguments {
  TrialOptions trial;
  std::vector<int> size = {256, 256};
  std::vector<std::string> styles = {"all"};
};

void add_options(CLI::App& program, Arguments& arguments) {
  TrialOptions& trial = arguments.trial;
  trial.script.interval = 0.1;
  trial.script.shuffle_window = 6;
  trial.script.burst_every = 60;
  trial.script.burst = 40;
  trial.script.missing_every = 120;
  trial.script.foreign_every = 25;
  trial.kills = 20;
  program.add_option("SOURCE", trial.source, "8-bit stack, phantom:chemical or phantom:cryo")->required();
  program.add_option("FOLDER", trial.folder, "for everything that is made; empty or not there")->required();
  program.add_option("--model", trial.model, "ONNX")->required();
  program
      .add_option("--slices", trial.perturbation.slices, "the source is repeated and changed to reach them")
      ->capture_default_str();
  program.add_option("--size", arguments.size, "height,width of a window in the middle; 0: all")
      ->delimiter(',')
      ->expected(2)
      ->capture_default_str();
  program.add_option("--styles", arguments.styles, "comma-separated, or all")
      ->delimiter(',')
      ->capture_default_str();
  program.add_option("--kills", trial.kills)->capture_default_str();
  program.add_option("--seed", trial.seed)->capture_default_str();
  program.add_option("--interval", trial.script.interval, "seconds between slices")->capture_default_str();
  program.add_option("--settle", trial.settle, "seconds")->capture_default_str();
  program.add_option("--wait-missing", trial.missing_wait, "seconds")->capture_default_str();
  program.add_option("--shuffle", trial.script.shuffle_window)->capture_default_str();
  program.add_option("--burst-every", trial.script.burst_every)->capture_default_str();
  program.add_option("--burst", trial.script.burst)->capture_default_str();
  program.add_option("--missing-every", trial.script.missing_every)->capture_default_str();
  program.add_option("--foreign-every", trial.script.foreign_every)->capture_default_str();
  program.add_option("--limit", trial.limit, "seconds after which it is given up")->capture_default_str();
  program.add_option("--options", trial.options, "of fibflow, live and batch")->delimiter(' ');
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App program("Lets fibflow follow a simulated acquisition while it is killed.");
  add_options(program, arguments);
  CLI11_PARSE(program, argc, argv);
  try {
    TrialOptions& trial = arguments.trial;
    trial.perturbation.height = arguments.size[0];
    trial.perturbation.width = arguments.size[1];
    trial.perturbation.seed = trial.script.seed = trial.seed;
    trial.script.styles.clear();
    for (const std::string& name : arguments.styles) {
      if (name == "all") trial.script.styles = fibflow::testing::writer_styles();
      if (name != "all") trial.script.styles.push_back(fibflow::testing::writer_style_of(name));
    }
    std::filesystem::create_directories(trial.folder);
    if (!std::filesystem::is_empty(trial.folder)) throw std::invalid_argument(trial.folder + ": not empty");
    const auto result = fibflow::testing::run_trial(
        trial, [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); });
    std::fputs(fibflow::testing::table_of(result).c_str(), stdout);
    return result.is_clean() ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "acquisition_trial: %s\n", error.what());
    return 2;
  }
}
