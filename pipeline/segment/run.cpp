#include "pipeline/segment/run.h"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "io/error.h"
#include "io/files/file_mark.h"
#include "io/files/sha256.h"
#include "io/files/unchanged_files.h"
#include "io/stack_view.h"
#include "pipeline/adapt/adaptation_start.h"
#include "pipeline/flow/pipeline_error.h"
#include "pipeline/flow/spoken.h"
#include "pipeline/options/resolve_options.h"
#include "pipeline/options/version.h"
#include "pipeline/report/run_facts.h"
#include "pipeline/report/run_recorder.h"
#include "pipeline/report/run_records.h"
#include "pipeline/report/run_summary.h"
#include "pipeline/segment/checkpoint.h"
#include "pipeline/segment/segment_setting.h"
#include "pipeline/segment/slice_reader.h"
#include "pipeline/segment/slice_writer.h"

namespace fibflow::pipeline {
namespace {

/// That adapt() measures.
constexpr int slices_of_adapt = 16;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// One run over one stack.
class Run {
 public:
  Run(const char* command, io::Stack& stack, const model::Network& network, ResolvedOptions options,
      const RunHooks& hooks, bool overwrite)
      : stack_(stack),
        network_(network),
        options_(std::move(options)),
        hooks_(hooks),
        context_(hooks, overwrite),
        team_(options_.threads),
        start_(network, options_, stack.info(), team_, context_),
        estimator_(start_.estimator()) {
    outcome_.report = std::make_shared<RunReport>();
    report().command = command;
    report().started = utc_now();
    report().input = stack.info();
    report().options = options_;
    report().warnings = stack.info().remarks;
    if (!options_.channels_remark.empty()) {
      report().warnings.push_back(options_.channels_remark);
      context_.log(options_.channels_remark);
    }
    report().model = model_of(network);
  }

  /// The run becomes resumable; it goes on from what was found, if there is something.
  void keep_checkpoints(const OutputOptions& output, nlohmann::ordered_json setting,
                        std::optional<Checkpoint> found);
  void adapt(const OutputOptions* output);
  /// folder: of the outputs; for what is too much for memory.
  void segment(SliceWriter& writer, const nodes::PredictionFormat& format, const std::string& folder);
  Outcome finish();

  bool uses_source() const { return start_.findings().uses_source(); }

 private:
  RunReport& report() { return *outcome_.report; }
  const RunReport& report() const { return *outcome_.report; }
  SliceRange range() const { return {options_.first_slice, options_.end_slice}; }
  Checkpoint checkpoint() const;
  RunReport::Seconds seconds_before() const { return found_ ? found_->run.seconds : RunReport::Seconds{}; }
  RunReport::Seconds seconds_so_far(Clock::time_point segmenting) const;
  void leave(CheckpointKeeper& keeper) const;

  io::Stack& stack_;
  const model::Network& network_;
  const ResolvedOptions options_;
  const RunHooks& hooks_;
  RunContext context_;
  ThreadTeam team_;
  AdaptationStart start_;
  model::Estimator estimator_;  // as it stands
  std::int64_t batches_ = 0;    // updates of the statistics
  std::int64_t snapshots_ = 1;
  std::optional<Checkpoint> found_;  // where an earlier part of the run ended
  nlohmann::ordered_json setting_;   // of a run that is resumable, and
  double checkpoint_seconds_ = 0;    // how often it writes checkpoints
  Outcome outcome_;
  const io::UnchangedFiles input_{stack_.files()};
  const Clock::time_point begin_ = Clock::now();
};

void Run::keep_checkpoints(const OutputOptions& output, nlohmann::ordered_json setting,
                           std::optional<Checkpoint> found) {
  outcome_.checkpoint = checkpoint_path(output.mask);
  checkpoint_seconds_ = output.checkpoint_seconds;
  setting_ = std::move(setting);
  found_ = std::move(found);
  if (!found_) return;
  const std::int64_t z = range().first + found_->run.session.next;
  report().started = found_->run.started;
  report().resumed = found_->run.resumed;
  report().resumed.push_back({z, utc_now()});
  context_.log("the run goes on: " + std::to_string(found_->run.session.next) + " of " +
               std::to_string(range().size()) + " slices are there already");
}

/// output: what is to be segmented afterwards; null if nothing is.
void Run::adapt(const OutputOptions* output) {
  context_.log("options: " + one_line(options_));
  context_.check_stop();
  const StartSlices slices = StartSlices::of(range(), options_);
  if (found_) {
    // What was decided is decided again on the same slices, and so are the pictures made.
    AdaptationStart::Findings findings = found_->run.findings;
    findings.comparison.reset();
    findings.doubt.reset();
    findings.comparison_left_out = false;
    start_.restore(std::move(findings));
  } else {
    start_.measure_intensity(stack_, slices.intensity);
  }
  if (!found_) start_.match(stack_, slices.probe);
  if (output != nullptr)
    start_.plan(prediction_format(options_.threshold, output->layers()),
                found_ ? std::optional(found_->run.tiles) : std::nullopt);
  report().seconds.prepare = seconds_since(begin_) + seconds_before().prepare;

  const auto begin = Clock::now();
  if (!found_) start_.adapt(stack_, slices.probe);
  start_.compare(stack_, slices.comparison);
  report().seconds.adapt = seconds_since(begin) + seconds_before().adapt;
  estimator_ = start_.estimator();
  batches_ = estimator_.batches();
  if (const auto reason = start_.stopped()) throw Doubtful(*reason, finish().report);
}

/// Before the first slice, or as it was found.
Checkpoint Run::checkpoint() const {
  Checkpoint checkpoint;
  if (found_) checkpoint = *found_;
  checkpoint.setting = setting_;
  checkpoint.run.started = report().started;
  checkpoint.run.resumed = report().resumed;
  checkpoint.run.tiles = start_.tiles();
  checkpoint.run.findings = start_.findings();
  checkpoint.run.findings.previews.clear();
  if (!found_) checkpoint.run.seconds = report().seconds;
  return checkpoint;
}

RunReport::Seconds Run::seconds_so_far(Clock::time_point segmenting) const {
  RunReport::Seconds seconds = report().seconds;
  seconds.segment = seconds_since(segmenting) + seconds_before().segment;
  seconds.total = seconds_since(begin_) + seconds_before().total;
  return seconds;
}

/// The run ends early: all that was done is to be there when it goes on.
void Run::leave(CheckpointKeeper& keeper) const {
  try {
    keeper.keep();
  } catch (const std::exception& error) {
    context_.log(std::string("the last slices cannot be kept: ") + error.what());
  }
  context_.log(std::to_string(keeper.safe()) + " of " + std::to_string(range().size()) +
               " slices are safe; the same command goes on from there");
}

void Run::segment(SliceWriter& writer, const nodes::PredictionFormat& format, const std::string& folder) {
  const auto begin = Clock::now();
  RunRecorder recorder;
  const auto records = outcome_.checkpoint.empty()
                           ? std::make_shared<RunRecords>(folder)
                           : std::make_shared<RunRecords>(journal_path(outcome_.checkpoint),
                                                          found_ ? found_->journal_bytes : 0);
  SegmentSession session = start_.session(format);
  if (found_) session.restore(found_->run.session);
  SliceReader reader(stack_, {range().first + session.state().next, range().end});
  context_.begin("segment", range().size() - session.state().next);
  std::optional<CheckpointKeeper> keeper;
  if (!outcome_.checkpoint.empty()) {
    Checkpoint first = checkpoint();
    first.run.session = session.state();
    keeper.emplace(outcome_.checkpoint, checkpoint_seconds_, std::move(first), writer, *records,
                   hooks_.durable_step, [&] { context_.advance(); });
  }
  const SegmentSession::Source source{[&] {
                                        auto slice = reader();
                                        if (slice) recorder.was_read(slice->z());
                                        return slice;
                                      },
                                      [&] { return reader.place_of_next(); }};
  const SegmentSession::Sink sink = [&](const SegmentSession::Done& done) {
    writer(done.slice);
    const SliceRecord record = recorder.was_written(done.slice, done.update);
    records->add(record);
    if (hooks_.segmented) {
      hooks_.segmented({record.z, record.foreground, record.entropy, record.slice_drift,
                        record.drift_from_source, start_.adaptation()});
    }
    if (const auto event = event_of(done.update, done.slice.z(), options_.lag)) {
      context_.log(event->text);
      records->add(*event);
    }
    if (keeper) {
      keeper->was_written(done, seconds_so_far(begin));
    } else {
      context_.advance();
    }
  };
  try {
    session.run(source, sink);
    session.finish(sink);
    if (keeper) keeper->keep();
  } catch (...) {
    if (keeper) leave(*keeper);
    throw;
  }

  estimator_ = session.estimator();
  batches_ = session.batches();
  report().sums = records->sums();
  report().events = records->events();
  report().each_slice = [records](const TakeSliceRecord& take) { records->visit(take); };
  snapshots_ = session.snapshots();
  report().seconds = seconds_so_far(begin);
}

Outcome Run::finish() {
  tell(report(), start_);
  if (const auto warning = one_sided(report().sums)) report().warnings.push_back(*warning);
  if (const auto warning = changed_meanwhile(input_.changed(stack_.files())))
    report().warnings.push_back(*warning);
  outcome_.statistics = start_.used(estimator_);
  if (options_.recipe != Recipe::none) {
    if (estimator_.state().images == 0 && !uses_source()) {
      report().warnings.emplace_back(
          "no slice shows anything but featureless area: the statistics are still the source's");
    }
    AdaptationSummary& summary =
        report().adaptation.emplace(adaptation_of(network_, estimator_, outcome_.statistics));
    summary.probe_slices = start_.findings().probe_slices;
    summary.batches = batches_;
    summary.snapshots = snapshots_;
    summary.measured_every = start_.plan() ? start_.plan()->every : 0;
    const std::string from =
        options_.recipe == Recipe::stream
            ? formatted("the estimate is of %g slices measured", estimator_.state().images)
            : std::to_string(batches_) + " updates of the statistics";
    context_.log(from + "; " +
                 formatted("the source's are at a distance of %.3g per channel from those in use at the end",
                           summary.drift_from_source));
  }
  context_.finish_trace();
  report().seconds.total = seconds_since(begin_) + seconds_before().total;
  report().peak_memory = peak_memory();
  return std::move(outcome_);
}

void require_resumable(const OutputOptions& output) {
  if (output.mask.empty()) throw std::invalid_argument("only a run that writes masks can be resumed");
  if (!(output.checkpoint_seconds >= 0))
    throw std::invalid_argument("the time between checkpoints cannot be negative");
}

/// The mark of what a run of this setting makes.
std::string mark_of_setting(const nlohmann::ordered_json& setting) {
  return io::sha256(setting.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

/// For what has no name.
std::string folder_of(const OutputOptions& output) {
  const std::vector<LayerOutput> layers = output.layers();
  if (layers.empty()) {
    std::error_code none;
    const std::string temporary = std::filesystem::temp_directory_path(none).string();
    return none ? "." : temporary;
  }
  const std::string folder = std::filesystem::path(layers.front().path).parent_path().string();
  return folder.empty() ? "." : folder;
}

/// What cannot be looked at is not there; making it then says why.
bool exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

/// What of a stack the network gets.
io::StackView view_of(io::Stack& stack, const InputOptions& input, const model::Network& network) {
  return {stack, input.crop.value_or(stack.info().not_image), input.voxel_nm,
          neighbouring_slices(input, network)};
}

}  // namespace

Outcome segment(io::Stack& whole, const model::Network& network, const InputOptions& input,
                const AdaptationOptions& adaptation, const OutputOptions& output,
                const ResourceOptions& resources, const RunHooks& hooks) {
  io::StackView stack = view_of(whole, input, network);
  const ResolvedOptions options =
      resolve_options(input, adaptation, output, resources, stack.info(), network);
  stack.require_readable({options.first_slice, options.end_slice});
  const std::string description =
      std::string("fibflow ") + version() + ", model " + network.name() + ", " + one_line(options);
  const std::int64_t slices = options.end_slice - options.first_slice;
  std::optional<SliceWriter> writer;
  // Whether the outputs can be made shows before any work; but what can be gone on with is not touched before
  // it is known to be of this run.
  if (!output.resume)
    writer.emplace(output, stack.info().voxel_nm, slices, description, stack.info().cropped);
  std::optional<Checkpoint> found;
  nlohmann::ordered_json setting;
  SliceWriter::Progress progress;
  if (output.resume) {
    require_resumable(output);
    setting = segment_setting(options, stack, network, output);
    std::string refusal;
    found = Checkpoint::read(checkpoint_path(output.mask), setting, network, options.lag, refusal);
    if (found) progress = found->outputs;
    if (found && !refusal.empty() && hooks.log) hooks.log(refusal + "; the checkpoint before it is used");
  }
  Run run("segment", stack, network, options, hooks, output.overwrite || found);
  const std::string mark = output.resume ? mark_of_setting(setting) : "";
  if (output.resume) run.keep_checkpoints(output, std::move(setting), std::move(found));
  run.adapt(&output);
  if (output.resume)
    writer.emplace(output, stack.info().voxel_nm, slices, description, progress, mark, stack.info().cropped);
  run.segment(*writer, prediction_format(options.threshold, output.layers()), folder_of(output));
  writer->finish([&] {
    if (hooks.durable_step) hooks.durable_step("output named");
  });
  Outcome outcome = run.finish();
  for (const LayerOutput& layer : output.layers())
    outcome.report->outputs.emplace_back(nodes::name_of(layer.layer), layer.path);
  return outcome;
}

bool is_done(io::Stack& whole, const model::Network& network, const InputOptions& input,
             const AdaptationOptions& adaptation, const OutputOptions& output,
             const ResourceOptions& resources) {
  const io::StackView stack = view_of(whole, input, network);
  // Until the checkpoint is gone, something may still have to be made of the outcome.
  if (has_checkpoint(output.mask)) return false;
  remove_records(checkpoint_path(output.mask));  // who was killed between the two leaves them
  const auto mark = io::mark_of(output.mask);
  if (!mark) return false;
  for (const LayerOutput& layer : output.layers()) {
    if (io::mark_of(layer.path) != mark) return false;
  }
  return *mark == mark_of_setting(segment_setting(
                      resolve_options(input, adaptation, output, resources, stack.info(), network), stack,
                      network, output));
}

Standing standing(const OutputOptions& output, const std::vector<std::string>& others,
                  const std::function<bool()>& is_done) {
  if (!output.resume) return Standing::begins;
  if (has_checkpoint(output.mask)) return Standing::goes_on;
  if (output.overwrite) return Standing::begins;
  for (const std::string& path : others) {
    if (!path.empty() && !exists(path)) return Standing::begins;
  }
  for (const LayerOutput& layer : output.layers()) {
    if (!exists(layer.path)) return Standing::begins;
  }
  if (io::mark_of(output.mask) && is_done()) return Standing::done;
  throw io::Error(io::ErrorKind::cannot_create, output.mask,
                  "exists already, and is not known to be what this command makes (--overwrite replaces it)");
}

std::string report_json(const Outcome& outcome) {
  return json_text(*outcome.report);
}

void remove_checkpoint(const Outcome& outcome, const RunHooks& hooks) {
  if (!outcome.checkpoint.empty()) remove_checkpoint(outcome.checkpoint, hooks.durable_step);
}

Outcome adapt(io::Stack& whole, const model::Network& network, const InputOptions& input,
              AdaptationOptions adaptation, const ResourceOptions& resources, const RunHooks& hooks) {
  io::StackView stack = view_of(whole, input, network);
  if (adaptation.recipe == Recipe::none) throw std::invalid_argument("the recipe none adapts nothing");
  if (adaptation.recipe == Recipe::stream) {
    if (!adaptation.probe) adaptation.probe = slices_of_adapt;
    adaptation.freeze = Freeze::probe;
    adaptation.measure_every.reset();
  }
  ResolvedOptions options = resolve_options(input, adaptation, {}, resources, stack.info(), network);
  options.only_measures = true;
  stack.require_readable({options.first_slice, options.end_slice});
  Run run("adapt", stack, network, options, hooks, true);
  const OutputOptions none;
  run.adapt(options.recipe == Recipe::stream ? &none : nullptr);
  return run.finish();
}

std::string adapted_model(const model::Network& network, const Outcome& outcome) {
  const ResolvedOptions& options = outcome.report->options;
  const auto& doubt = outcome.report->doubt;
  const bool as_it_was = doubt && doubt->action == DoubtAction::source_used;
  std::map<std::string, std::string> metadata{
      {"fibflow.adapted_on", outcome.report->input.path},
      {"fibflow.recipe", name_of(as_it_was ? Recipe::none : options.recipe)},
      {"fibflow.estimator", options.estimator.rule},
      {"fibflow.featureless", name_of(options.featureless)},
      {"fibflow.options", one_line(options)},
      {"fibflow.normalization", options.normalization.text()},
      {"fibflow.threshold", formatted("%g", options.threshold)},
      {"fibflow.version", version()}};
  if (options.gray_match() != GrayMatch::none) metadata["fibflow.match"] = name_of(options.gray_match());
  if (outcome.report->match) {
    metadata["fibflow.source_share"] = formatted("%g", outcome.report->match->shares.used);
    const nodes::Scale& scale = outcome.report->match->scale;
    metadata["fibflow.scale"] = formatted("%.17g,%.17g", scale.y, scale.x);
  }
  if (!network.output_map().empty()) metadata["fibflow.output_map"] = network.output_map();
  return network.with_statistics(outcome.statistics, metadata);
}

}  // namespace fibflow::pipeline
