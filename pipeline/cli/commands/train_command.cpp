#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "io/formats/formats.h"
#include "io/stack.h"
#include "io/stack_view.h"
#include "pipeline/cli/arguments/arguments.h"
#include "pipeline/cli/arguments/file_names.h"
#include "pipeline/cli/commands/commands.h"
#include "pipeline/options/exit_codes.h"
#include "pipeline/train/train.h"

namespace fibflow::cli {
namespace {

struct Arguments {
  std::string images;
  std::string labels;
  std::string validation_images;
  std::string validation_labels;
  io::OpenOptions open;  ///< of the images
  std::optional<io::Margins> crop;
  io::VoxelSize voxel_nm;
  int patch = 0;  ///< 0: chosen
  int threads = 0;
  bool no_augmentation = false;
  bool no_checkpoint = false;
  bool no_curve = false;
  pipeline::TrainingOptions options;
  pipeline::TrainingOutput output;
};

/// The largest patch up to 256 pixels that the slices hold and the network takes.
int default_patch(const io::StackInfo& info, int depth) {
  const int grid = 1 << depth;
  const int largest = std::min({256, info.height, info.width}) / grid * grid;
  if (largest > 0) return largest;
  throw std::invalid_argument("slices of " + std::to_string(info.height) + " x " +
                              std::to_string(info.width) + " pixels are too small for a depth of " +
                              std::to_string(depth));
}

/// Shows a training's phases as progress bars.
class Console {
 public:
  Console(Context& context, const pipeline::TrainingOptions& options, std::int64_t voxels_per_slice)
      : context_(context) {
    hooks_.stop = context.interruption.token();
    hooks_.log = [this](const std::string& line) { context_.log->info("{}", line); };
    const std::int64_t patch = options.patches.patch;
    const std::int64_t voxels_per_batch = patch * patch * options.patches.batch;
    const bool timed = options.length.seconds.has_value();
    hooks_.begin = [=, this](const std::string& phase, std::int64_t size) {
      progress_.reset();
      if (context_.quiet) return;
      pipeline::Progress::Work work{phase, size, voxels_per_slice};
      if (phase == "train") {
        work.unit = "iterations";
        work.voxels_per_slice = voxels_per_batch;
        if (timed) {
          work.slices = 0;
          work.limit = std::chrono::seconds(size);
        }
      }
      progress_ = std::make_unique<pipeline::Progress>(context_.terminal, work);
    };
    hooks_.advance = [this] {
      if (progress_) progress_->add_slice();
    };
  }

  const pipeline::RunHooks& hooks() const { return hooks_; }

  void conclude() {
    if (progress_) context_.log->info("{}", progress_->summary());
    progress_.reset();
  }

 private:
  Context& context_;
  std::unique_ptr<pipeline::Progress> progress_;
  pipeline::RunHooks hooks_;
};

int train(Arguments& arguments, Context& context) {
  pipeline::TrainingOptions& options = arguments.options;
  pipeline::TrainingOutput& output = arguments.output;
  require_ending(output.model, ".onnx");
  require_ending(output.curve, ".png");
  if (!options.length.seconds && !options.length.iterations && !options.length.epochs)
    options.length.iterations = 2000;
  if (arguments.no_augmentation) options.patches.augmentation = nodes::Augmentation::none();
  output.checkpoint = arguments.no_checkpoint ? "" : output.model + ".checkpoint";
  if (arguments.no_curve) {
    output.curve.clear();
  } else if (output.curve.empty()) {
    output.curve = std::filesystem::path(output.model).replace_extension(".png").string();
  }

  const auto images = io::open_stack(arguments.images, arguments.open);
  io::OpenOptions as_labels;
  as_labels.labels = true;
  const auto labels = io::open_stack(arguments.labels, as_labels);
  std::unique_ptr<io::Stack> validation_images;
  std::unique_ptr<io::Stack> validation_labels;
  if (!arguments.validation_images.empty())
    validation_images = io::open_stack(arguments.validation_images, arguments.open);
  if (!arguments.validation_labels.empty())
    validation_labels = io::open_stack(arguments.validation_labels, as_labels);
  std::vector<std::string> read;
  for (const io::Stack* stack :
       {images.get(), labels.get(), validation_images.get(), validation_labels.get()}) {
    if (stack == nullptr) continue;
    const std::vector<std::string> files = stack->files();
    read.insert(read.end(), files.begin(), files.end());
  }
  require_apart({output.model, output.checkpoint, output.curve}, read);
  const auto view = [&](io::Stack& stack, const io::Stack& image) {
    return io::StackView(stack, arguments.crop.value_or(image.info().not_image), arguments.voxel_nm);
  };
  io::StackView image_view = view(*images, *images);
  io::StackView label_view = view(*labels, *images);
  std::optional<io::StackView> validation_image_view, validation_label_view;
  if (validation_images) validation_image_view.emplace(view(*validation_images, *validation_images));
  if (validation_images && validation_labels)
    validation_label_view.emplace(view(*validation_labels, *validation_images));
  const auto address_of = [](std::optional<io::StackView>& optional) {
    return optional ? &*optional : nullptr;
  };
  const io::StackInfo& info = image_view.info();
  options.patches.patch = arguments.patch > 0 ? arguments.patch : default_patch(info, options.depth);

  Console console(context, options, static_cast<std::int64_t>(info.height) * info.width);
  const pipeline::TrainingOutcome outcome = pipeline::train(
      {image_view, label_view, address_of(validation_image_view), address_of(validation_label_view)}, options,
      output, arguments.threads, console.hooks());
  console.conclude();
  if (outcome.validated) {
    context.log->info(
        "validation IoU {:.4f} after {} iterations; {:.4f} at the threshold {:g}, which the "
        "model carries",
        outcome.iou, outcome.best_iteration, outcome.iou_at_threshold, outcome.threshold);
  } else {
    context.log->warn("nothing was kept for validation: nobody knows how good the model is");
  }
  return pipeline::exit_ok;
}

void add_network_options(CLI::App& command, Arguments& arguments) {
  const std::string group = "The network";
  command.add_option("--channels", arguments.options.channels, "of the first level; doubled at each")
      ->type_name("N")
      ->check(CLI::Range(1, 256).description(""))
      ->group(group);
  add_choice(command, "--foreground", arguments.options.foreground,
             {{"labels", pipeline::Foreground::labels}, {"nonzero", pipeline::Foreground::nonzero}},
             "labels that are it: 1 and 255, or any but 0")
      ->group(group);
  command.add_option("--depth", arguments.options.depth, "poolings")
      ->type_name("N")
      ->check(CLI::Range(1, 8).description(""))
      ->group(group);
  command
      .add_option("--classes", arguments.options.classes,
                  "2: labels are 0 and 255; more: they are class indices")
      ->type_name("N")
      ->check(CLI::Range(2, 256).description(""))
      ->group(group);
}

void add_training_options(CLI::App& command, Arguments& arguments) {
  const std::string group = "Training";
  pipeline::TrainingOptions& options = arguments.options;
  auto* iterations = command.add_option("--iterations", options.length.iterations, "batches")
                         ->type_name("N")
                         ->check(above_zero())
                         ->default_str("2000")
                         ->group(group);
  auto* epochs = command
                     .add_option("--epochs", options.length.epochs,
                                 "instead: as many patches as the stack holds, N times")
                     ->type_name("N")
                     ->check(above_zero())
                     ->excludes(iterations)
                     ->group(group);
  command
      .add_option_function<std::string>(
          "--time",
          [&options](const std::string& text) {
            options.length.seconds = parse_duration("--time", text).count();
          },
          "instead: so long, as 90s, 20m or 1.5h")
      ->type_name("DURATION")
      ->excludes(iterations)
      ->excludes(epochs)
      ->group(group);
  command.add_option("--batch", options.patches.batch, "patches")
      ->type_name("N")
      ->check(CLI::Range(1, 1024).description(""))
      ->group(group);
  command.add_option("--patch", arguments.patch, "height and width, a multiple of 2^depth")
      ->type_name("PIXELS")
      ->check(above_zero())
      ->default_str("256, or what fits")
      ->group(group);
  command
      .add_option("--foreground-share", options.patches.foreground_share,
                  "share of patches around foreground")
      ->type_name("SHARE")
      ->group(group);
  command
      .add_flag("--no-augmentation", arguments.no_augmentation,
                "neither flips, turns, deformations, contrast, blur nor noise")
      ->group(group);
  command.add_option("--learning-rate", options.learning_rate, "of Adam, at its peak")
      ->type_name("RATE")
      ->check(above_zero())
      ->group(group);
  add_choice(command, "--schedule", options.schedule,
             {{"one-cycle", model::Schedule::one_cycle},
              {"cosine", model::Schedule::cosine},
              {"constant", model::Schedule::constant}},
             "of the learning rate")
      ->group(group);
  command.add_option("--weight-decay", options.weight_decay, "decoupled (AdamW)")
      ->type_name("W")
      ->check(at_least_zero())
      ->group(group);
  command.add_option("--dice", options.loss.dice, "weight of the Dice loss beside the cross-entropy")
      ->type_name("W")
      ->check(at_least_zero())
      ->group(group);
  command.add_option("--seed", options.patches.seed, "another seed is another training")
      ->type_name("N")
      ->group(group);
  command.add_option("--threads", arguments.threads, "at most so many; they do not change the result")
      ->type_name("N")
      ->check(CLI::Range(1, 4096).description(""))
      ->default_str("all")
      ->group(group);
}

void add_validation_options(CLI::App& command, Arguments& arguments) {
  const std::string group = "Validation";
  pipeline::TrainingOptions& options = arguments.options;
  auto* share =
      command
          .add_option("--validation", options.validation, "share of the stack's last slices to keep for it")
          ->type_name("SHARE")
          ->group(group);
  auto* images = command.add_option("--validation-images", arguments.validation_images, "instead: a stack")
                     ->type_name("STACK")
                     ->excludes(share)
                     ->group(group);
  command.add_option("--validation-labels", arguments.validation_labels, "and its labels")
      ->type_name("STACK")
      ->needs(images)
      ->group(group);
  command.add_option("--validations", options.validations, "how often, evenly over the training")
      ->type_name("N")
      ->check(above_zero())
      ->group(group);
}

}  // namespace

void add_train(CLI::App& program, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = program.add_subcommand(
      "train", "Trains a U-Net on a labelled stack and writes it as ONNX, for `segment` and others.");
  command->add_option("--images", arguments->images, "multi-page TIFF, folder or glob of TIFFs")
      ->type_name("STACK")
      ->required();
  command->add_option("--labels", arguments->labels, "of the same size: 0 and 255, or class indices")
      ->type_name("STACK")
      ->required();
  command->add_option("-o,--output", arguments->output.model, "the network")->type_name("ONNX")->required();
  add_channel(*command, arguments->open.channel);
  add_geometry(*command, arguments->crop, arguments->voxel_nm);
  add_network_options(*command, *arguments);
  add_training_options(*command, *arguments);
  add_validation_options(*command, *arguments);
  const std::string group = "Output";
  command->add_flag("--overwrite", arguments->output.overwrite, "replace files that exist")->group(group);
  auto* resume =
      command->add_flag("--resume", arguments->output.resume, "go on from OUTPUT.checkpoint")->group(group);
  auto* curve =
      command
          ->add_option("--curve", arguments->output.curve, "loss and IoU over the iterations, as a picture")
          ->type_name("PNG")
          ->default_str("OUTPUT with .png")
          ->group(group);
  command->add_flag("--no-curve", arguments->no_curve, "no picture")->excludes(curve)->group(group);
  command->add_flag("--no-checkpoint", arguments->no_checkpoint, "nothing to go on from if interrupted")
      ->excludes(resume)
      ->group(group);
  add_logging_options(*command, context);
  command->footer(
      "The network is that of the validation with the best IoU. Interrupted, a training leaves\n"
      "OUTPUT.checkpoint and no network. Equal options make equal bytes, with any number of threads\n"
      "(but not with --time).");
  command->callback(
      [arguments, &context] { context.run = [arguments, &context] { return train(*arguments, context); }; });
}

}  // namespace fibflow::cli
