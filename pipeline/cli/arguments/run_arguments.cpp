#include "pipeline/cli/arguments/run_arguments.h"

#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "io/error.h"
#include "io/files/file_lock.h"
#include "model/engine/cpu.h"
#include "pipeline/cli/arguments/arguments.h"
#include "pipeline/cli/arguments/file_names.h"
#include "pipeline/cli/terminal/help_formatter.h"
#include "pipeline/flow/memory_budget.h"
#include "pipeline/flow/pipeline_error.h"
#include "pipeline/flow/spoken.h"
#include "pipeline/options/number_list.h"
#include "pipeline/report/run_summary.h"

namespace fibflow::cli {
namespace {

constexpr const char* weak_locks =
    "the file system has no locks: outputs are guarded by files (.NAME.lock) instead, which a run that is "
    "killed on another "
    "machine leaves";

using pipeline::Freeze;
using pipeline::Recipe;

/// A parameter and the rules that have it.
struct SharedParameter {
  const model::EstimatorParameter* parameter = nullptr;
  std::vector<std::string> rules;

  std::string option() const {
    std::string name = std::string("--") + parameter->name;
    std::ranges::replace(name, '_', '-');
    return name;
  }
  std::string joined(const std::string& between) const {
    std::string text;
    for (const std::string& rule : rules) text += (text.empty() ? "" : between) + rule;
    return text;
  }
};

std::vector<SharedParameter> estimator_parameters() {
  std::vector<SharedParameter> all;
  for (const model::EstimatorRule* rule : model::estimator_rules()) {
    for (const model::EstimatorParameter& parameter : rule->parameters) {
      auto shared = std::ranges::find_if(all, [&](const SharedParameter& other) {
        return std::string_view(other.parameter->name) == parameter.name;
      });
      if (shared == all.end()) shared = all.insert(all.end(), {&parameter, {}});
      shared->rules.emplace_back(rule->name);
    }
  }
  return all;
}

void add_estimator_arguments(CLI::App& command, model::EstimatorOptions& estimator) {
  std::vector<std::pair<std::string, std::string>> rules;
  for (const model::EstimatorRule* rule : model::estimator_rules())
    rules.emplace_back(rule->name, rule->name);
  add_choice(command, "--estimator", estimator.rule, rules, "how the target's statistics are estimated")
      ->group("Adaptation");
  for (const SharedParameter& shared : estimator_parameters()) {
    const model::EstimatorParameter& parameter = *shared.parameter;
    std::ostringstream usual;
    usual << parameter.usual;
    command
        .add_option_function<double>(
            shared.option(),
            [&estimator, &parameter](double value) { estimator.values.set(parameter.name, value); },
            shared.joined(", ") + ": " + parameter.help)
        ->type_name(parameter.symbol)
        ->default_str(usual.str())
        ->group(fine_tuning);
  }
}

/// "all", or a number of slices; nothing if it is neither.
std::optional<int> parse_every(const std::string& text) {
  if (text == "all") return 1;
  const auto slices = pipeline::number_list<int>(text, 1);
  return slices && slices->front() >= 1 ? std::optional(slices->front()) : std::nullopt;
}

void add_adaptation_arguments(CLI::App& command, pipeline::AdaptationOptions& adaptation,
                              RunArguments& arguments, bool may_adapt_nothing, bool has_whole_stack) {
  const std::string group = "Adaptation";
  const bool segments = may_adapt_nothing;
  std::vector<std::pair<std::string, Recipe>> recipes{{"stream", Recipe::stream}};
  if (has_whole_stack) recipes.emplace_back("two-pass", Recipe::two_pass);
  if (may_adapt_nothing) recipes.emplace_back("none", Recipe::none);
  add_choice(command, "--recipe", adaptation.recipe, recipes, "how the model adapts")->group(group);
  add_estimator_arguments(command, adaptation.estimator);
  command
      .add_option("--source-share", adaptation.source_share,
                  "share of the source's statistics; 0 is the paper's")
      ->type_name("S")
      ->default_str("0.25, or 0 if no guide")
      ->group(group);
  add_choice(command, "--featureless", adaptation.featureless,
             {{"count", nodes::Featureless::counts}, {"leave-out", nodes::Featureless::left_out}},
             "empty resin and black borders, in the statistics")
      ->group(fine_tuning);
  add_choice(command, "--normalize-by", adaptation.normalize_by,
             {{"batch", pipeline::NormalizeBy::batch}, {"running", pipeline::NormalizeBy::running}},
             "two-pass: what normalizes patches while they are measured")
      ->group(fine_tuning);
  command
      .add_option(
          "--probe", arguments.probe,
          segments ? "stream: slices measured before the first is segmented" : "stream: slices measured")
      ->type_name("N")
      ->check(at_least_zero())
      ->default_str(segments ? "3" : "16")
      ->group(group);
  if (has_whole_stack) {
    add_choice(command, "--probe-slices", adaptation.probe_order,
               {{"spread", pipeline::ProbeOrder::spread}, {"first", pipeline::ProbeOrder::first}},
               "of the probe: spread, or the first ones, as watch has to")
        ->group(fine_tuning);
  }
  if (!segments) return;
  command
      .add_option("--measure-every", arguments.measure_every,
                  "stream: measure one of K slices, for the statistics of later ones")
      ->type_name("K|all")
      ->check(CLI::Validator(
          [](const std::string& text) {
            return parse_every(text) ? "" : "\"" + text + "\" is neither a number of slices nor all";
          },
          ""))
      ->default_str(has_whole_stack ? "5 % of the time" : "all")
      ->group(group);
  command.add_option("--lag", adaptation.lag, "stream: what is measured of a slice counts L slices later")
      ->type_name("L")
      ->group(group);
  add_choice(command, "--freeze", adaptation.freeze, {{"never", Freeze::never}, {"probe", Freeze::probe}},
             "stream: after the probe nothing is measured")
      ->group(group);
  command
      .add_option("--renewal-drift", adaptation.renewal,
                  "stream: renew what is used once a layer would move by more than D per channel")
      ->type_name("D")
      ->group(fine_tuning);
  command
      .add_option("--reopen-drift", adaptation.monitor.drift,
                  "stream: begin anew once a layer of slices is farther than D per channel")
      ->type_name("D")
      ->group(fine_tuning);
  command
      .add_option("--reopen-factor", adaptation.monitor.factor,
                  "stream: and than F times what is usual in it")
      ->type_name("F")
      ->group(fine_tuning);
  command
      .add_option("--reopen-slices", adaptation.monitor.slices,
                  "stream: in so many in a row; 0: never begin anew")
      ->type_name("N")
      ->group(fine_tuning);
}

void add_doubt_arguments(CLI::App& command, RunArguments& arguments) {
  const std::string group = "Adaptation";
  command.add_option("--compare", arguments.comparison, "slices also segmented without, to see if it helps")
      ->type_name("N")
      ->check(at_least_zero())
      ->default_str("3")
      ->group(fine_tuning);
  add_choice(command, "--on-doubt", arguments.adaptation.on_doubt,
             {{"keep", pipeline::OnDoubt::keep},
              {"source", pipeline::OnDoubt::source},
              {"stop", pipeline::OnDoubt::stop}},
             "if adaptation seems not to help: warn, use the source, or stop")
      ->group(group);
}

void add_resource_arguments(CLI::App& command, RunArguments& arguments) {
  const std::string group = "Resources";
  command.add_option("--threads", arguments.resources.threads, "threads, at most")
      ->type_name("N")
      ->check(CLI::Range(1, 4096).description(""))
      ->default_str("all")
      ->group(group);
  const auto set_memory = [&arguments](const std::string& text) {
    arguments.resources.memory = static_cast<std::size_t>(parse_bytes(text));
  };
  command.add_option_function<std::string>("--memory", set_memory, "memory, at most, as in 4G or 512M")
      ->type_name("SIZE")
      ->default_str(pipeline::spoken_memory(pipeline::default_memory_budget()))
      ->group(group);
  command
      .add_option("--tile", arguments.resources.tile, "largest height and width of a tile, without its halo")
      ->type_name("PIXELS")
      ->check(above_zero())
      ->default_str("planned")
      ->group(group);
  command.add_option("--isa", arguments.isa, "instructions to compute with; others round otherwise")
      ->type_name("generic|avx2|avx512")
      ->check(CLI::IsMember({"generic", "avx2", "avx512"}).description(""))
      ->default_str("the best that there are")
      ->group(fine_tuning);
}

constexpr const char* input_group = "Input";
constexpr const char* output_group = "Output";

void add_model_argument(CLI::App& command, RunArguments& arguments) {
  command.add_option("--model", arguments.model, "U-Net as ONNX, exported with its BatchNorm layers")
      ->type_name("ONNX")
      ->required();
  add_output_map(command, arguments.output_map);
}

void add_normalization_argument(CLI::App& command, RunArguments& arguments) {
  command
      .add_option("--normalization", arguments.normalization,
                  "unit, zscore:MEAN,STD, stack, slice or percentile:LO,HI")
      ->type_name("RULE")
      ->default_str("the model's, else unit")
      ->group(input_group);
  command
      .add_option("--intensity-range", arguments.intensity_range,
                  "voxels that are black and white, as in 0,4095")
      ->type_name("B,W")
      ->default_str("found")
      ->group(fine_tuning);
  command.add_flag("--invert", arguments.input.invert, "exchange black and white")->group(input_group);
  add_choice(command, "--match", arguments.input.match,
             {{"none", pipeline::GrayMatch::none}, {"histogram", pipeline::GrayMatch::histogram}},
             "gray levels get the histogram of the model's training")
      ->default_str("the model's, else none")
      ->group(fine_tuning);
}

void add_scale_argument(CLI::App& command, RunArguments& arguments, const std::string& group) {
  command
      .add_option_function<std::string>(
          "--scale",
          [&arguments](const std::string& text) {
            if (text == "auto") return;
            const auto scale = pipeline::number_list<double>(text, 1);
            if (!scale)
              throw CLI::ValidationError("--scale", "\"" + text + "\" is neither auto nor a number");
            arguments.input.scale = scale->front();
          },
          "the network sees slices of so many times the height and width")
      ->type_name("auto|S")
      ->default_str("auto")
      ->group(group);
}

/// An option that the chosen estimator does not know must not look as if it had an effect.
void require_parameters_fit(const CLI::App& command, const RunArguments& arguments) {
  const auto only_for = [&](const std::string& option, bool fits, const std::string& users) {
    if (command.count(option) > 0 && !fits) throw CLI::ValidationError(option, "belongs to " + users);
  };
  for (const SharedParameter& shared : estimator_parameters()) {
    only_for(shared.option(),
             std::ranges::find(shared.rules, arguments.adaptation.estimator.rule) != shared.rules.end(),
             (shared.rules.size() > 1 ? "the estimators " : "the estimator ") + shared.joined(" and "));
  }
  const bool streams = arguments.adaptation.recipe == Recipe::stream;
  const bool on_the_way = streams && arguments.adaptation.freeze == Freeze::never;
  for (const char* option :
       {"--measure-every", "--renewal-drift", "--reopen-drift", "--reopen-factor", "--reopen-slices"}) {
    if (command.get_option_no_throw(option) != nullptr)
      only_for(option, on_the_way, "--recipe stream without --freeze probe");
  }
  for (const char* option : {"--lag", "--freeze"}) {
    if (command.get_option_no_throw(option) != nullptr) only_for(option, streams, "--recipe stream");
  }
  only_for("--normalize-by", arguments.adaptation.recipe == Recipe::two_pass, "--recipe two-pass");
  const bool adapts = arguments.adaptation.recipe != Recipe::none;
  for (const char* option : {"--estimator", "--source-share", "--featureless"})
    only_for(option, adapts, "recipes that adapt");
}

/// Whether the error, or what it wraps, names a file.
bool names_a_file(const std::exception& error) {
  if (dynamic_cast<const io::Error*>(&error) != nullptr) return true;
  try {
    std::rethrow_if_nested(error);
  } catch (const std::exception& cause) {
    return names_a_file(cause);
  } catch (...) {
  }
  return false;
}

/// What fails at a slice says which one; here it gets the name of the stack, or of the slice's file, if it has none.
pipeline::Outcome with_the_stack_named(const io::Stack& stack,
                                       const std::function<pipeline::Outcome()>& run) {
  try {
    return run();
  } catch (const pipeline::PipelineError& error) {
    if (names_a_file(error)) throw;
    const std::vector<std::string> files = stack.files();
    const bool one_each = files.size() > 1 && std::cmp_equal(files.size(), stack.info().depth);
    const bool of_file = one_each && error.z() >= 0 && std::cmp_less(error.z(), files.size());
    const std::string& name = of_file ? files[static_cast<std::size_t>(error.z())] : stack.info().path;
    std::throw_with_nested(pipeline::PipelineError(name + ": " + error.what(), error.z()));
  }
}

void add_input_channels(CLI::App& command, RunArguments& arguments) {
  add_choice(command, "--input", arguments.input.channels,
             {{"copies", pipeline::InputChannels::copies}, {"slices", pipeline::InputChannels::slices}},
             "of a model with several channels: the slice in each, or its neighbours")
      ->default_str("the model's")
      ->group(fine_tuning);
}

}  // namespace

void add_run_arguments(CLI::App& command, RunArguments& arguments, bool may_adapt_nothing) {
  command.add_option("STACK", arguments.stack, "multi-page TIFF, folder or glob of TIFFs")->required();
  add_file_order(command, arguments.open.order);
  add_channel(command, arguments.open.channel)->group(fine_tuning);
  add_model_argument(command, arguments);
  add_slices_option(command, arguments.input.slices)->group(input_group);
  add_normalization_argument(command, arguments);
  add_scale_argument(command, arguments, input_group);
  add_input_channels(command, arguments);
  add_geometry(command, arguments.input.crop, arguments.input.voxel_nm);
  add_adaptation_arguments(command, arguments.adaptation, arguments, may_adapt_nothing, true);
  add_doubt_arguments(command, arguments);
  add_resource_arguments(command, arguments);
  command.parse_complete_callback([&command, &arguments] { require_parameters_fit(command, arguments); });
}

void add_watch_arguments(CLI::App& command, RunArguments& arguments) {
  command.add_option("FOLDER", arguments.stack, "where the slices come, one TIFF each; or --inbox FOLDER");
  add_model_argument(command, arguments);
  add_normalization_argument(command, arguments);
  add_scale_argument(command, arguments, fine_tuning);
  add_input_channels(command, arguments);
  add_geometry(command, arguments.input.crop, arguments.input.voxel_nm);
  add_adaptation_arguments(command, arguments.adaptation, arguments, true, false);
  add_doubt_arguments(command, arguments);
  add_resource_arguments(command, arguments);
  command.parse_complete_callback([&command, &arguments] { require_parameters_fit(command, arguments); });
}

void add_format_arguments(CLI::App& command, io::PixelType& probability_type, io::Compression& compression,
                          std::optional<double>& threshold) {
  std::vector<std::pair<std::string, io::PixelType>> types;
  for (const io::PixelType type : io::all_pixel_types) types.emplace_back(io::name_of(type), type);
  add_choice(command, "--probability-type", probability_type, types, "type of the probabilities' voxels")
      ->needs(command.get_option("--probability"))
      ->group(output_group);
  add_choice(command, "--compression", compression,
             {{"deflate", io::Compression::deflate},
              {"zstd", io::Compression::zstd},
              {"none", io::Compression::none}},
             "of the outputs")
      ->group(output_group);
  command.add_option("--threshold", threshold, "probability above which a pixel is foreground")
      ->type_name("P")
      ->default_str("the model's, else 0.5")
      ->group(output_group);
}

void add_output_arguments(CLI::App& command, RunArguments& arguments, Context& context) {
  command.add_flag("--overwrite", arguments.overwrite, "replace outputs that exist")->group(output_group);
  command.add_option("--report", arguments.report, "what was done, as JSON")
      ->type_name("JSON")
      ->group(output_group);
  command.add_option("--trace", arguments.trace, "when each node was at work, for a trace viewer")
      ->type_name("JSON")
      ->group(fine_tuning);
  add_logging_options(command, context);
}

void complete(RunArguments& arguments) {
  if (!arguments.isa.empty()) model::use_instruction_set(model::instruction_set_named(arguments.isa));
  if (!arguments.normalization.empty()) {
    arguments.input.normalization = nodes::Normalization::parse(arguments.normalization);
  }
  if (!arguments.intensity_range.empty()) {
    const auto range = parse_numbers("--intensity-range", arguments.intensity_range, 2);
    arguments.input.intensity_range = {range[0], range[1]};
  }
  if (!arguments.measure_every.empty())
    arguments.adaptation.measure_every = parse_every(arguments.measure_every);
  if (arguments.comparison >= 0) arguments.adaptation.comparison = arguments.comparison;
  arguments.adaptation.previews = !arguments.report.empty();
  if (arguments.probe >= 0) arguments.adaptation.probe = arguments.probe;
}

void go_on_with(const RunArguments& arguments, const std::optional<std::string>& begun,
                const std::string& path, Context& context) {
  if (!begun || !arguments.isa.empty()) return;
  const model::InstructionSet set = model::instruction_set_named(*begun);
  const model::InstructionSet largest = model::largest_instruction_set();
  if (set > largest) {
    throw io::Error(io::ErrorKind::bad_data, path,
                    "was begun with " + *begun + " instructions, which this machine does not have (" +
                        name_of(largest) + "): go on where it has them, or begin anew");
  }
  if (set < largest) context.log->info("computing with {} instructions, as it was begun", *begun);
  model::use_instruction_set(set);
}

void require_free(const RunArguments& arguments) {
  require_free(arguments.report, arguments.overwrite);
  require_free(arguments.trace, arguments.overwrite);
  require_makeable(arguments.report);
}

void require_apart(const RunArguments& arguments, std::vector<std::string> outputs, const io::Stack& stack) {
  outputs.insert(outputs.end(), {arguments.report, arguments.trace});
  std::error_code error;
  for (const std::string& output : outputs) {
    if (!output.empty() && std::filesystem::is_directory(arguments.stack, error))
      require_not_among_slices(output, arguments.stack);
  }
  std::vector<std::string> inputs = stack.files();
  inputs.insert(inputs.end(), {arguments.stack, arguments.model});
  require_apart(outputs, inputs);
}

pipeline::Outcome report_doubt(const RunArguments& arguments, const io::Stack& stack,
                               const std::function<pipeline::Outcome()>& run) {
  try {
    return with_the_stack_named(stack, run);
  } catch (const pipeline::Doubtful& doubtful) {
    if (!arguments.report.empty()) write_report(doubtful.report(), arguments.report, arguments.overwrite);
    throw;
  }
}

RunConsole::RunConsole(Context& context, const RunArguments& arguments, std::int64_t voxels_per_slice)
    : context_(context) {
  hooks_.stop = context.interruption.token();
  hooks_.trace = arguments.trace;
  hooks_.log = [this](const std::string& line) { context_.log->info("{}", line); };
  hooks_.begin = [this, voxels_per_slice](const std::string& phase, std::int64_t slices) {
    progress_.reset();
    progress_ = make_progress(context_, phase, slices, voxels_per_slice);
    compares_ = phase == "compare";
  };
  hooks_.advance = [this] {
    if (progress_) progress_->add_slice();
  };
}

void RunConsole::conclude(const pipeline::RunReport& report) {
  if (progress_ && !compares_) context_.log->info("{}", progress_->summary());
  progress_.reset();
  for (const std::string& line : pipeline::summary_of(report)) context_.log->info("{}", line);
  context_.log->info("peak memory {} of {}", pipeline::spoken_memory(report.peak_memory),
                     pipeline::spoken_memory(report.options.memory));
  for (const std::string& warning : report.warnings) context_.log->warn("{}", warning);
  if (io::FileLock::any_by_file()) context_.log->warn("{}", weak_locks);
}

void keep_heap_small() {
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_MMAP_THRESHOLD, 256 << 10);
  mallopt(M_TRIM_THRESHOLD, 1 << 20);
}

}  // namespace fibflow::cli
