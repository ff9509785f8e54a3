#include <CLI/CLI.hpp>
#include <optional>
#include <stdexcept>
#include <string>

#include "io/phantom.h"
#include "io/tiff_writer.h"
#include "pipeline/cli/arguments.h"
#include "pipeline/cli/commands.h"
#include "pipeline/exit_codes.h"
#include "pipeline/version.h"

namespace fibflow::cli {
namespace {

struct Arguments {
  io::PhantomParameters parameters;
  std::string output;
  std::string labels;        ///< empty: not written
  std::string compartments;  ///< empty: not written
  bool overwrite = false;
};

/// One output of the command: a file and the slices that go into it.
class Output {
 public:
  /// An empty path is an output that nobody wants.
  Output(const std::string& path, const Arguments& arguments, const std::string& what) {
    if (path.empty()) return;
    const io::PhantomParameters& parameters = arguments.parameters;
    io::TiffWriterOptions options;
    options.voxel_nm = {parameters.voxel_nm, parameters.voxel_nm, parameters.voxel_nm};
    options.description = std::string("fibflow ") + pipeline::version() + " phantom, " + what +
                          ", fixation " + io::name_of(parameters.fixation) + ", seed " +
                          std::to_string(parameters.seed);
    options.overwrite = arguments.overwrite;
    options.depth = parameters.depth;
    writer_.emplace(path, options);
  }

  template <typename MakeSlice>
  void write(MakeSlice&& make_slice) {
    if (writer_) writer_->write(make_slice());
  }

  void finish() {
    if (writer_) writer_->finish();
  }

 private:
  std::optional<io::TiffWriter> writer_;
};

void require_different(const std::string& one, const std::string& other) {
  if (!one.empty() && one == other) throw std::invalid_argument("two outputs would have the name " + one);
}

int make_phantom(const Arguments& arguments, Context& context) {
  require_different(arguments.output, arguments.labels);
  require_different(arguments.output, arguments.compartments);
  require_different(arguments.labels, arguments.compartments);
  const io::PhantomParameters& parameters = arguments.parameters;
  const io::Phantom phantom(parameters);
  Output image(arguments.output, arguments, "image");
  Output labels(arguments.labels, arguments, "mitochondria");
  Output compartments(arguments.compartments, arguments, "compartments");

  const auto progress = make_progress(context, "phantom", parameters.depth,
                                      static_cast<std::int64_t>(parameters.height) * parameters.width);
  for (std::int64_t z = 0; z < parameters.depth; ++z) {
    if (context.interruption.token().stop_requested()) throw pipeline::Interrupted();
    image.write([&] { return phantom.image(z); });
    labels.write([&] { return phantom.labels(z); });
    compartments.write([&] { return phantom.compartments(z); });
    if (progress) progress->add_slice();
  }
  image.finish();
  labels.finish();
  compartments.finish();

  const io::PhantomCensus& census = phantom.census();
  context.log->info("{} mitochondria, {:.1f} % of the cytoplasm; {:.1f} % of the volume is resin",
                    census.mitochondria, 100 * census.mitochondria_share, 100 * census.resin_share);
  if (progress) context.log->info("made {}", progress->summary());
  return pipeline::exit_ok;
}

void add_content_options(CLI::App& command, io::PhantomContent& content) {
  const std::string group = "The cell";
  command.add_option("--resin", content.resin_share, "empty resin, share of the volume, 0 to 0.7")
      ->type_name("SHARE")
      ->group(group);
  command.add_option("--nucleus", content.nucleus_share, "nucleus, share of the cell, 0 to 0.6")
      ->type_name("SHARE")
      ->group(group);
  command
      .add_option("--mitochondria", content.mitochondria_share,
                  "mitochondria, share of the cytoplasm, 0 to 0.3")
      ->type_name("SHARE")
      ->group(group);
}

void add_acquisition_options(CLI::App& command, io::PhantomAcquisition& acquisition) {
  const std::string group = "The microscope";
  command.add_option("--noise", acquisition.shot_noise, "shot noise at gray 128, in gray levels")
      ->type_name("SIGMA")
      ->group(group);
  command.add_option("--curtaining", acquisition.curtaining, "vertical stripes, relative to the brightness")
      ->type_name("SIGMA")
      ->group(group);
  command.add_option("--charging", acquisition.charging, "halos and gradients around resin, in gray levels")
      ->type_name("PEAK")
      ->group(group);
  command
      .add_option("--drift", acquisition.drift,
                  "change of brightness from first to last slice, in gray levels")
      ->type_name("LEVELS")
      ->group(group);
  command.add_option("--jitter", acquisition.jitter, "translation of a slice, in voxels")
      ->type_name("SIGMA")
      ->group(group);
  command.add_option("--defocus", acquisition.defocus, "blur, in voxels")->type_name("SIGMA")->group(group);
}

}  // namespace

void add_phantom(CLI::App& program, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  io::PhantomParameters& parameters = arguments->parameters;
  CLI::App* command =
      program.add_subcommand("phantom", "Makes a synthetic FIB-SEM stack of a cell, and its truth.");
  command->add_option("-o,--output", arguments->output, "the micrographs")->type_name("TIFF")->required();
  command->add_option("--labels", arguments->labels, "the mitochondria, 0 and 255")->type_name("TIFF");
  command
      ->add_option("--compartments", arguments->compartments,
                   "0 resin, 1 cytosol, 2 nucleus, 3 mitochondrion, ...")
      ->type_name("TIFF");
  command->add_flag("--overwrite", arguments->overwrite, "replace files that exist");

  const std::string stack = "The stack";
  add_choice(*command, "--fixation", parameters.fixation,
             {{"chemical", io::Fixation::chemical}, {"cryo", io::Fixation::cryo}},
             "how the cell was prepared")
      ->group(stack);
  command->add_option("--depth", parameters.depth, "slices")->type_name("N")->group(stack);
  command->add_option("--height", parameters.height, "voxels")->type_name("N")->group(stack);
  command->add_option("--width", parameters.width, "voxels")->type_name("N")->group(stack);
  command->add_option("--voxel", parameters.voxel_nm, "size of a voxel, 4 to 16")
      ->type_name("NM")
      ->group(stack);
  command->add_option("--seed", parameters.seed, "another seed is another cell")
      ->type_name("N")
      ->group(stack);
  add_content_options(*command, parameters.content);
  add_acquisition_options(*command, parameters.acquisition);
  add_logging_options(*command, context);
  command->footer("Equal parameters make equal bytes, on any machine.");
  command->callback([arguments, &context] {
    context.run = [arguments, &context] { return make_phantom(*arguments, context); };
  });
}

}  // namespace fibflow::cli
