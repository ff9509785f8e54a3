// Plays a stack into a folder as a microscope would, in the styles in which files come to be.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/acquisition/acquisition_player.h"
#include "tests/acquisition/acquisition_script.h"
#include "tests/acquisition/perturbed_stack.h"

namespace fibflow::testing {
namespace {

struct Arguments {
  std::string source;
  ScriptOptions script;
  Perturbation perturbation;
  std::vector<int> size;
  std::vector<std::string> styles = {"at-once"};
  double speed = 1;
  double settle = 2;
  std::string log;
  std::string truth;
  std::string taken;
};

void add_options(CLI::App& program, Arguments& arguments) {
  ScriptOptions& script = arguments.script;
  program.add_option("SOURCE", arguments.source, "8-bit stack, phantom:chemical or phantom:cryo")->required();
  program.add_option("FOLDER", script.folder, "where the slices appear")->required();
  program.add_option("--slices", arguments.perturbation.slices,
                     "the source is repeated and changed to reach them");
  program.add_option("--size", arguments.size, "height,width of a window in the middle")
      ->delimiter(',')
      ->expected(2);
  program.add_option("--strength", arguments.perturbation.strength,
                     "of the drift of brightness, contrast and focus");
  program.add_option("--seed", script.seed, "of everything that is drawn");
  program.add_option("--styles", arguments.styles, "comma-separated, or all")->delimiter(',');
  program.add_option("--interval", script.interval, "seconds between slices");
  program.add_option("--speed", arguments.speed, "so many times faster")->check(CLI::PositiveNumber);
  program.add_option("--settle", arguments.settle, "seconds that the follower waits for a file to settle");
  program.add_option("--shuffle", script.shuffle_window, "slices come in any order within so many");
  program.add_option("--burst-every", script.burst_every, "a burst after so many slices");
  program.add_option("--burst", script.burst, "slices in a burst");
  program.add_option("--missing-every", script.missing_every, "one slice in so many never comes");
  program.add_option("--foreign-every", script.foreign_every, "something else after so many slices");
  program.add_option("--log", arguments.log,
                     "a JSON line for each step; with it, the hash of the slice's voxels");
  program.add_option("--truth", arguments.truth,
                     "folder that gets the right slices first, without those missing");
  program.add_option("--taken", arguments.taken,
                     "folder; replaced-later waits for a file in it whose name holds the slice's");
}

bool holds_name(const std::string& folder, const std::string& stem) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with('.') && name.find(stem) != std::string::npos) return true;
  }
  return false;
}

void run(Arguments& arguments) {
  ScriptOptions& script = arguments.script;
  Perturbation& perturbation = arguments.perturbation;
  if (!arguments.size.empty()) {
    perturbation.height = arguments.size[0];
    perturbation.width = arguments.size[1];
  }
  perturbation.seed = script.seed;
  PerturbedStack stack(open_source(arguments.source, perturbation.slices), perturbation);
  script.interval /= arguments.speed;
  script.rests = rests_around(arguments.settle);
  script.styles.clear();
  for (const std::string& name : arguments.styles) {
    if (name == "all") script.styles = writer_styles();
    if (name != "all") script.styles.push_back(writer_style_of(name));
  }
  if (!arguments.taken.empty()) {
    script.was_taken = [&](std::int64_t z) {
      return holds_name(arguments.taken, std::filesystem::path(slice_name(script, z)).stem());
    };
  }
  std::filesystem::create_directories(script.folder);
  const Script played = make_script(stack, script);
  if (!arguments.truth.empty()) write_truth(stack, played, script, arguments.truth);

  std::ofstream log;
  if (!arguments.log.empty()) log.open(arguments.log);
  play(played, [&](const Event& event) {
    nlohmann::json line{
        {"time", event.time}, {"file", event.file}, {"style", event.style}, {"step", event.what}};
    if (event.z >= 0) line["slice"] = event.z;
    if (event.completes) line["complete"] = hash_of(stack.read(event.z));
    log << line.dump() << std::endl;
  });
}

}  // namespace
}  // namespace fibflow::testing

int main(int argc, char** argv) {
  fibflow::testing::Arguments arguments;
  CLI::App program("Plays a stack into a folder as a microscope would.");
  fibflow::testing::add_options(program, arguments);
  CLI11_PARSE(program, argc, argv);
  try {
    fibflow::testing::run(arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "play_acquisition: %s\n", error.what());
    return 1;
  }
}
