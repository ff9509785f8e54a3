#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "io/files/folder.h"
#include "io/formats/formats.h"
#include "io/phantom/phantom.h"
#include "pipeline/cli/arguments/arguments.h"
#include "pipeline/cli/commands/commands.h"
#include "pipeline/options/exit_codes.h"
#include "pipeline/options/version.h"

namespace fibflow::cli {
namespace {

/// Heights and widths are ints; what does not fit one is refused by the phantom like any other size too large.
int side(std::int64_t voxels) {
  return static_cast<int>(std::min<std::int64_t>(voxels, std::numeric_limits<int>::max()));
}

struct Arguments {
  io::PhantomParameters parameters;
  std::vector<std::int64_t> shape = {64, 512, 512};  ///< z, y, x
  std::string output;                                ///< a folder
  bool overwrite = false;
};

/// One stack of the command's folder.
std::unique_ptr<io::StackWriter> writer_for(const Arguments& arguments, const std::string& file,
                                            const std::string& what) {
  const io::PhantomParameters& parameters = arguments.parameters;
  io::WriterOptions options;
  options.voxel_nm = {parameters.voxel_nm, parameters.voxel_nm, parameters.voxel_nm};
  options.description = std::string("fibflow ") + pipeline::version() + " phantom, " + what + ", fixation " +
                        io::name_of(parameters.fixation) + ", seed " + std::to_string(parameters.seed);
  options.overwrite = arguments.overwrite;
  options.depth = parameters.depth;
  return io::create_stack((std::filesystem::path(arguments.output) / file).string(), options);
}

int make_phantom(Arguments arguments, Context& context) {
  io::PhantomParameters& parameters = arguments.parameters;
  parameters.depth = arguments.shape[0];
  parameters.height = side(arguments.shape[1]);
  parameters.width = side(arguments.shape[2]);
  const io::Phantom phantom(parameters);
  io::make_folder(arguments.output);
  const auto image = writer_for(arguments, "image.tif", "image");
  const auto labels = writer_for(arguments, "labels.tif", "mitochondria");
  const auto compartments = writer_for(arguments, "compartments.tif", "compartments");

  const auto progress = make_progress(context, "phantom", parameters.depth,
                                      static_cast<std::int64_t>(parameters.height) * parameters.width);
  for (std::int64_t z = 0; z < parameters.depth; ++z) {
    if (context.interruption.token().stop_requested()) throw pipeline::Interrupted();
    image->write(phantom.image(z));
    labels->write(phantom.labels(z));
    compartments->write(phantom.compartments(z));
    if (progress) progress->add_slice();
  }
  image->finish();
  labels->finish();
  compartments->finish();

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
  command
      ->add_option("-o,--output", arguments->output, "folder for image.tif, labels.tif and compartments.tif")
      ->type_name("DIR")
      ->required();
  command->add_flag("--overwrite", arguments->overwrite, "replace files that exist");

  const std::string stack = "The stack";
  add_choice(*command, "--fixation", parameters.fixation,
             {{"chemical", io::Fixation::chemical}, {"cryo", io::Fixation::cryo}},
             "how the cell was prepared")
      ->group(stack);
  command->add_option("--shape", arguments->shape, "slices, height and width in voxels")
      ->type_name("Z,Y,X")
      ->delimiter(',')
      ->expected(3)
      ->default_str("64,512,512")
      ->group(stack);
  command->add_option("--voxel", parameters.voxel_nm, "size of a voxel, 4 to 16")
      ->type_name("NM")
      ->group(stack);
  command->add_option("--seed", parameters.seed, "another seed is another cell")
      ->type_name("N")
      ->group(stack);
  add_content_options(*command, parameters.content);
  add_acquisition_options(*command, parameters.acquisition);
  add_logging_options(*command, context);
  command->footer(
      "labels.tif holds the mitochondria as 255; compartments.tif 0 resin, 1 cytosol, 2 nucleus,\n"
      "3 mitochondrion and further organelles. Equal parameters make equal bytes, on any machine.");
  command->callback([arguments, &context] {
    context.run = [arguments, &context] { return make_phantom(*arguments, context); };
  });
}

}  // namespace fibflow::cli
