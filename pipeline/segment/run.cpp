#include "pipeline/segment/run.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "io/error.h"
#include "io/files/file_mark.h"
#include "io/files/sha256.h"
#include "model/statistics/drift.h"
#include "model/tile/inference.h"
#include "pipeline/adapt/comparison.h"
#include "pipeline/adapt/doubt.h"
#include "pipeline/adapt/patch_adaptation.h"
#include "pipeline/adapt/probe.h"
#include "pipeline/adapt/segment_session.h"
#include "pipeline/adapt/session_setup.h"
#include "pipeline/flow/pipeline_error.h"
#include "pipeline/flow/spoken.h"
#include "pipeline/options/resolve_options.h"
#include "pipeline/options/version.h"
#include "pipeline/report/run_facts.h"
#include "pipeline/report/run_recorder.h"
#include "pipeline/report/run_setting.h"
#include "pipeline/report/run_summary.h"
#include "pipeline/segment/checkpoint.h"
#include "pipeline/segment/slice_reader.h"
#include "pipeline/segment/slice_writer.h"

namespace fibflow::pipeline {
namespace {

using Clock = std::chrono::steady_clock;

/// Slices whose intensities are measured for the normalization `stack`.
constexpr int intensity_slices = 16;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// The largest resident set of this process so far. (getrusage would count the process that it was forked from, too.)
std::size_t peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6)) << 10;
  }
  return 0;
}

template <typename... Values>
std::string text(const char* format, Values... values) {
  char line[512];
  std::snprintf(line, sizeof line, format, values...);
  return line;
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
        inference_(network, stack.info().height, stack.info().width),
        estimator_(options_.estimator, network.source_statistics()),
        team_(options_.threads) {
    outcome_.report.command = command;
    outcome_.report.started = utc_now();
    outcome_.report.input = stack.info();
    outcome_.report.options = options_;
    outcome_.report.warnings = stack.info().remarks;
    outcome_.report.model = model_of(network);
  }

  /// What it knows already is not measured again. Before prepare().
  void go_on_from(Checkpoint found) { found_ = std::move(found); }
  void prepare(bool segments, io::PixelType probability_type, bool wants_probability);
  void make_plan(io::PixelType probability_type, bool wants_probability);
  /// The run becomes resumable; checks that what it goes on from is of the same one. After prepare().
  void keep_checkpoints(const OutputOptions& output);
  /// A word for all that decides the outputs of a run that is resumable. After make_plan().
  std::string fingerprint(const OutputOptions& output) const;
  void adapt();
  void segment(SliceWriter& writer, nodes::PredictionFormat format);
  Outcome finish();

  /// Adaptation was in doubt, and the source's statistics are used instead.
  bool uses_source() const { return report().doubt && report().doubt->action == DoubtAction::source_used; }

 private:
  RunReport& report() { return outcome_.report; }
  const RunReport& report() const { return outcome_.report; }
  SliceRange range() const { return {options_.first_slice, options_.end_slice}; }
  void measure_intensity();
  void restore_intensity();
  void log_plan();
  void probe();
  void two_pass();
  void compare_with_source();
  void act_on_doubt();
  void look_at_what_was_written();
  void restore_adapted();
  Checkpoint checkpoint() const;
  std::map<std::int64_t, double> written_agreements() const;
  RunReport::Seconds seconds_so_far(Clock::time_point segmenting) const;
  void leave(CheckpointKeeper& keeper) const;

  io::Stack& stack_;
  const model::Network& network_;
  const ResolvedOptions options_;
  const RunHooks& hooks_;
  RunContext context_;
  model::Inference inference_;
  model::Estimator estimator_;
  std::int64_t batches_ = 0;  // updates of the statistics
  ThreadTeam team_;
  std::optional<nodes::Normalizer> normalizer_;
  std::optional<Plan> plan_;
  std::optional<Comparator> comparator_;
  nodes::IntensityMoments intensity_;
  model::Estimator::State adapted_;  // after the probe or the first pass
  std::optional<Checkpoint> found_;  // where an earlier part of the run ended
  nlohmann::ordered_json setting_;   // of a run that is resumable, and
  double checkpoint_seconds_ = 0;    // how often it writes checkpoints
  Outcome outcome_;
  const Clock::time_point start_ = Clock::now();
};

void Run::measure_intensity() {
  if (options_.normalization.kind == nodes::Normalization::Kind::stack) {
    const std::vector<std::int64_t> sample =
        options_.probe_order == ProbeOrder::first
            ? first_slices(range(), intensity_sample_of_first(options_.probe))
            : spread_slices(range(), intensity_slices);
    for (const std::int64_t z : sample) {
      intensity_.merge(context_.call("intensity measurement", {z}, [&] {
        const io::Slice slice = stack_.read(z);
        nodes::require_finite(slice);
        return nodes::measure_intensity(slice);
      }));
    }
    report().intensity = RunReport::Intensity{intensity_.mean, intensity_.deviation(), sample};
    context_.log(text("intensity of %zu slices: mean %.4g, deviation %.4g", sample.size(), intensity_.mean,
                      intensity_.deviation()));
  }
}

void Run::restore_intensity() {
  intensity_ = found_->intensity;
  if (found_->intensity_slices.empty()) return;
  report().intensity =
      RunReport::Intensity{intensity_.mean, intensity_.deviation(), found_->intensity_slices};
}

void Run::log_plan() {
  const Plan& plan = *plan_;
  report().plan = RunReport::Tiles{
      plan.grid.rows(),    plan.grid.columns(),          plan.grid.core_height(), plan.grid.core_width(),
      plan.limits.workers, plan.limits.slices_in_flight, plan.expected_memory,    plan.work};
  context_.log(
      text("plan: %d x %d tiles of %d x %d pixels (%.2f times the work of whole slices), %d workers on %d "
           "threads, %d slices in flight, expected memory %s of %s",
           plan.grid.rows(), plan.grid.columns(), plan.grid.core_height(), plan.grid.core_width(), plan.work,
           plan.limits.workers, options_.threads, plan.limits.slices_in_flight,
           spoken_memory(plan.expected_memory).c_str(), spoken_memory(options_.memory).c_str()));
  if (plan.probe && plan.probe->workers < static_cast<int>(plan.probe->cores.size())) {
    context_.log("the budget is small: the probe computes its tiles again for each layer");
  }
  if (plan.useful_threads < options_.threads) {
    context_.log(
        text("only %d of %d threads can be busy: more memory, smaller tiles (--tile) or, with running "
             "statistics, a larger --lag would use more",
             plan.useful_threads, options_.threads));
  }
}

void Run::prepare(bool segments, io::PixelType probability_type, bool wants_probability) {
  context_.log("options: " + one_line(options_));
  context_.check_stop();
  found_ ? restore_intensity() : measure_intensity();
  try {
    normalizer_.emplace(options_.normalization, intensity_, options_.featureless);
  } catch (const std::invalid_argument& blank) {
    throw io::Error(io::ErrorKind::bad_data, stack_.info().path, blank.what());
  }
  if (options_.recipe == Recipe::two_pass) {
    const PatchMemory memory = patch_memory(network_, stack_.info(), range().size());
    require_patch_memory(memory, options_.memory);
  }
  if (segments) make_plan(probability_type, wants_probability);
  report().seconds.prepare = seconds_since(start_) + (found_ ? found_->seconds.prepare : 0);
}

void Run::make_plan(io::PixelType probability_type, bool wants_probability) {
  const std::size_t probability_bytes = wants_probability ? io::bytes_per_voxel(probability_type) : 0;
  plan_ = plan_run(inference_, plan_request(options_, stack_.info().type, probability_bytes));
  log_plan();
}

std::string Run::fingerprint(const OutputOptions& output) const {
  return io::sha256(run_setting(report(), stack_, network_, output)
                        .dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void Run::keep_checkpoints(const OutputOptions& output) {
  const std::string path = checkpoint_path(output.mask);
  outcome_.checkpoint = path;
  checkpoint_seconds_ = output.checkpoint_seconds;
  setting_ = run_setting(report(), stack_, network_, output);
  if (!found_) return;
  require_same_run(path, found_->setting, setting_);
  const std::int64_t z = range().first + found_->session.next;
  report().started = found_->started;
  report().resumed = found_->resumed;
  report().resumed.push_back({z, utc_now()});
  context_.log("the run goes on: " + std::to_string(found_->session.next) + " of " +
               std::to_string(range().size()) + " slices are there already");
}

void Run::adapt() {
  const auto begin = Clock::now();
  if (found_) {
    restore_adapted();
  } else {
    if (options_.recipe == Recipe::two_pass) two_pass();
    if (options_.probe > 0) probe();
  }
  adapted_ = estimator_.state();
  // Also when the run goes on: it is the same again, and what is decided on it is not kept.
  if (options_.comparison > 0) compare_with_source();
  report().seconds.adapt = seconds_since(begin) + (found_ ? found_->seconds.adapt : 0);
}

void Run::restore_adapted() {
  estimator_.restore(found_->adapted);
  batches_ = estimator_.batches();
  if (!found_->probe_slices.empty()) report().adaptation.emplace().probe_slices = found_->probe_slices;
}

void Run::probe() {
  const std::vector<std::int64_t> slices = options_.probe_order == ProbeOrder::first
                                               ? first_slices(range(), options_.probe)
                                               : spread_slices(range(), options_.probe);
  context_.begin("probe", static_cast<std::int64_t>(slices.size()));
  const model::Moments moments = measure_probe(stack_, slices, *normalizer_, inference_,
                                               options_.source_share, plan_->probe.value(), team_, context_);
  if (!estimator_.start_from(moments, static_cast<double>(slices.size()))) {
    report().warnings.push_back(
        "the probe's slices show nothing but featureless area: the statistics start at the source's");
    context_.log(report().warnings.back());
  }
  report().adaptation.emplace().probe_slices = slices;
  const model::Drift far = model::drift(estimator_.source(), estimator_.estimate());
  context_.log(
      text("probe: %zu slices measured; the source's statistics are at a distance of %.3g per channel",
           slices.size(), far.per_channel));
}

void Run::two_pass() {
  context_.begin("adapt", range().size());
  const PatchAdaptation adaptation{options_.normalize_by, options_.source_share, options_.memory};
  adapt_over_patches(stack_, range(), *normalizer_, network_, adaptation, estimator_, team_, context_);
  batches_ = estimator_.batches();
  context_.log("adapted on " + std::to_string(batches_) + " batches of patches");
}

void Run::compare_with_source() {
  const std::vector<std::int64_t> slices = options_.probe_order == ProbeOrder::first
                                               ? first_slices(range(), options_.comparison)
                                               : spread_slices(range(), options_.comparison);
  auto plan =
      comparison_plan(options_, inference_, stack_.info().type, static_cast<int>(slices.size()),
                      options_.previews, plan_ ? std::optional(plan_->expected_memory) : std::nullopt);
  if (!plan) {
    report().warnings.emplace_back(
        "the memory budget leaves no room for a comparison with the model as it is: whether adaptation helps "
        "has not been looked at");
    return;
  }
  context_.begin("compare", 2 * static_cast<std::int64_t>(slices.size()));
  comparator_.emplace(inference_, *normalizer_, *std::move(plan), options_.threshold, options_.previews);
  comparator_->compare(stack_, slices, estimator_.source(),
                       model::blend(estimator_.estimate(), estimator_.source(), options_.source_share), team_,
                       context_);
  report().comparison = comparator_->comparison();
  report().previews = comparator_->previews();
  context_.log("comparison: " + one_line(*report().comparison));
  act_on_doubt();
}

void Run::act_on_doubt() {
  Doubt& doubt = report().doubt.emplace(Doubt{signs_before(*report().comparison), options_.on_doubt});
  if (!doubt.doubtful()) return;
  for (const Sign& sign : doubt.signs) {
    context_.log("in doubt: " + sign.text);
    report().warnings.push_back(sign.text);
  }
  switch (options_.on_doubt) {
    case OnDoubt::keep:
      doubt.action = DoubtAction::warned;
      break;
    case OnDoubt::source:
      doubt.action = DoubtAction::source_used;
      estimator_ = model::Estimator(options_.estimator, estimator_.source());
      batches_ = 0;
      report().warnings.emplace_back("therefore the model is used as it is (--on-doubt source)");
      context_.log("the model is used as it is");
      break;
    case OnDoubt::stop: {
      doubt.action = DoubtAction::stopped;
      const std::string reason = doubt.signs.front().text;
      throw Doubtful("stopped before the segmentation, because adaptation does not seem to help: " + reason,
                     std::make_shared<const RunReport>(finish().report));
    }
  }
}

/// Before the first slice, or as it was found.
Checkpoint Run::checkpoint() const {
  Checkpoint checkpoint;
  checkpoint.setting = setting_;
  checkpoint.started = report().started;
  checkpoint.seconds = report().seconds;
  checkpoint.intensity = intensity_;
  if (report().intensity) checkpoint.intensity_slices = report().intensity->slices;
  if (report().adaptation) checkpoint.probe_slices = report().adaptation->probe_slices;
  checkpoint.adapted = adapted_;
  checkpoint.resumed = report().resumed;
  if (found_) {
    checkpoint.seconds = found_->seconds;
    checkpoint.slices = found_->slices;
    checkpoint.events = found_->events;
    checkpoint.written_agreements = found_->written_agreements;
  }
  return checkpoint;
}

/// By z, of the slices that were compared and have been written.
std::map<std::int64_t, double> Run::written_agreements() const {
  std::map<std::int64_t, double> agreements;
  if (!comparator_) return agreements;
  for (const SliceComparison& slice : comparator_->comparison().slices) {
    if (slice.written_agreement) agreements[slice.z] = *slice.written_agreement;
  }
  return agreements;
}

RunReport::Seconds Run::seconds_so_far(Clock::time_point segmenting) const {
  RunReport::Seconds seconds = report().seconds;
  seconds.segment = seconds_since(segmenting) + (found_ ? found_->seconds.segment : 0);
  seconds.total = seconds_since(start_) + (found_ ? found_->seconds.total : 0);
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

void Run::segment(SliceWriter& writer, nodes::PredictionFormat format) {
  const auto begin = Clock::now();
  RunRecorder recorder;
  const SessionSetting setting =
      uses_source() ? source_setting(options_, format) : session_setting(options_, format);
  SegmentSession session(inference_, *plan_, *normalizer_, estimator_, setting, team_, context_);
  if (found_) {
    session.restore(found_->session);
    recorder.restore(found_->slices);
    report().events = found_->events;
    for (const auto& [z, agreement] : found_->written_agreements) {
      if (comparator_) comparator_->was_written(z, agreement);
    }
  }
  SliceReader reader(stack_, {range().first + session.state().next, range().end});
  context_.begin("segment", range().size() - session.state().next);
  std::optional<CheckpointKeeper> keeper;
  if (!outcome_.checkpoint.empty()) {
    Checkpoint first = checkpoint();
    first.session = session.state();
    keeper.emplace(outcome_.checkpoint, checkpoint_seconds_, std::move(first), writer, hooks_.durable_step,
                   [&] { context_.advance(); });
  }
  const SegmentSession::Source source{[&] {
                                        auto slice = reader();
                                        if (slice) recorder.was_read(slice->z());
                                        return slice;
                                      },
                                      [&] { return reader.place_of_next(); }};
  try {
    session.run(source, [&](const SegmentSession::Done& done) {
      writer(done.slice);
      if (comparator_) comparator_->was_written(done.slice.mask);
      const SliceRecord record = recorder.was_written(done.slice, done.update);
      if (const auto event = event_of(done.update, done.slice.mask.z(), options_.lag)) {
        context_.log(event->text);
        report().events.push_back(*event);
      }
      if (keeper) {
        keeper->was_written(done, record, report().events, written_agreements(), seconds_so_far(begin));
      } else {
        context_.advance();
      }
    });
    if (keeper) keeper->keep();
  } catch (...) {
    if (keeper) leave(*keeper);
    throw;
  }

  estimator_ = session.estimator();
  report().slices = recorder.records();
  look_at_what_was_written();
  if (session.frozen_after()) {
    const std::int64_t z = range().first + *session.frozen_after();
    if (!report().adaptation) report().adaptation.emplace();
    report().adaptation->frozen_after = z;
  }
  batches_ = session.batches();
  report().seconds = seconds_so_far(begin);
}

void Run::look_at_what_was_written() {
  if (!comparator_) return;
  report().comparison = comparator_->comparison();
  Doubt& doubt = *report().doubt;
  if (doubt.action == DoubtAction::source_used) return;
  for (Sign& sign : signs_after(*report().comparison)) {
    report().warnings.push_back(sign.text);
    doubt.signs.push_back(std::move(sign));
    doubt.action = DoubtAction::warned;
  }
}

Outcome Run::finish() {
  outcome_.statistics =
      model::blend(estimator_.estimate(), estimator_.source(), uses_source() ? 1 : options_.source_share);
  if (options_.recipe != Recipe::none) {
    if (estimator_.state().images == 0 && !uses_source()) {
      report().warnings.emplace_back(
          "no slice shows anything but featureless area: the statistics are still the source's");
    }
    if (!report().adaptation) report().adaptation.emplace();
    const model::Drift far = model::drift(estimator_.source(), outcome_.statistics);
    report().adaptation->batches = batches_;
    report().adaptation->drift_from_source = far.per_channel;
    report().adaptation->layer_drift_from_source = far.layers;
    for (const model::BatchNorm& layer : network_.batch_norms()) {
      report().adaptation->layer_names.push_back(layer.name);
      report().adaptation->layer_channels.push_back(layer.channels);
    }
    context_.log(std::to_string(batches_) + " updates of the statistics; " +
                 text("the source's are at a distance of %.3g per channel from those in use at the end",
                      far.per_channel));
  }
  context_.finish_trace();
  report().seconds.total = seconds_since(start_) + (found_ ? found_->seconds.total : 0);
  report().peak_memory = peak_memory();
  return std::move(outcome_);
}

/// What an earlier part of the run has left.
std::optional<Checkpoint> found_checkpoint(const OutputOptions& output, const RunHooks& hooks) {
  if (output.mask.empty()) throw std::invalid_argument("only a run that writes masks can be resumed");
  if (!(output.checkpoint_seconds >= 0))
    throw std::invalid_argument("the time between checkpoints cannot be negative");
  std::string refusal;
  auto found = Checkpoint::read(checkpoint_path(output.mask), refusal);
  if (found && !refusal.empty() && hooks.log) hooks.log(refusal + "; the checkpoint before it is used");
  return found;
}

}  // namespace

Outcome segment(io::Stack& stack, const model::Network& network, const InputOptions& input,
                const AdaptationOptions& adaptation, const OutputOptions& output,
                const ResourceOptions& resources, const RunHooks& hooks) {
  const ResolvedOptions options =
      resolve_options(input, adaptation, output, resources, stack.info(), network);
  const std::string description =
      std::string("fibflow ") + version() + ", model " + network.name() + ", " + one_line(options);
  const std::int64_t slices = options.end_slice - options.first_slice;
  std::optional<SliceWriter> writer;
  // Whether the outputs can be made shows before any work; but what can be gone on with is not touched before
  // it is known to be of this run.
  if (!output.resume) writer.emplace(output, stack.info().voxel_nm, slices, description);
  std::optional<Checkpoint> found = output.resume ? found_checkpoint(output, hooks) : std::nullopt;
  const SliceWriter::Progress progress = found ? found->outputs : SliceWriter::Progress{};
  Run run("segment", stack, network, options, hooks, output.overwrite || found);
  if (found) run.go_on_from(*std::move(found));
  const bool wants_probability = !output.probability.empty();
  run.prepare(true, output.probability_type, wants_probability);
  if (output.resume) {
    run.keep_checkpoints(output);
    writer.emplace(output, stack.info().voxel_nm, slices, description, progress, run.fingerprint(output));
  }
  run.adapt();
  run.segment(*writer,
              {options.threshold, wants_probability ? std::optional(output.probability_type) : std::nullopt});
  writer->finish([&] {
    if (hooks.durable_step) hooks.durable_step("output named");
  });
  Outcome outcome = run.finish();
  if (!output.mask.empty()) outcome.report.outputs.emplace_back("mask", output.mask);
  if (!output.probability.empty()) outcome.report.outputs.emplace_back("probability", output.probability);
  return outcome;
}

bool is_done(io::Stack& stack, const model::Network& network, const InputOptions& input,
             const AdaptationOptions& adaptation, const OutputOptions& output,
             const ResourceOptions& resources) {
  // Until the checkpoint is gone, something may still have to be made of the outcome.
  if (has_checkpoint(output.mask)) return false;
  const auto mark = io::mark_of(output.mask);
  if (!mark || (!output.probability.empty() && io::mark_of(output.probability) != mark)) return false;
  const RunHooks silent;
  Run run("segment", stack, network,
          resolve_options(input, adaptation, output, resources, stack.info(), network), silent, false);
  run.make_plan(output.probability_type, !output.probability.empty());
  return *mark == run.fingerprint(output);
}

void remove_checkpoint(const Outcome& outcome, const RunHooks& hooks) {
  if (!outcome.checkpoint.empty()) io::remove_checked(outcome.checkpoint, hooks.durable_step);
}

Outcome adapt(io::Stack& stack, const model::Network& network, const InputOptions& input,
              const AdaptationOptions& adaptation, const ResourceOptions& resources, const RunHooks& hooks) {
  if (adaptation.recipe == Recipe::none) throw std::invalid_argument("the recipe none adapts nothing");
  const ResolvedOptions options = resolve_options(input, adaptation, {}, resources, stack.info(), network);
  SliceWriter nowhere({}, {}, 0, "");
  Run run("adapt", stack, network, options, hooks, true);
  run.prepare(options.recipe == Recipe::stream, io::PixelType::u8, false);
  run.adapt();
  const bool streams = options.recipe == Recipe::stream && options.freeze != Freeze::probe;
  if (streams && !run.uses_source()) run.segment(nowhere, {options.threshold, std::nullopt});
  return run.finish();
}

std::string adapted_model(const model::Network& network, const Outcome& outcome) {
  const ResolvedOptions& options = outcome.report.options;
  const auto& doubt = outcome.report.doubt;
  const bool as_it_was = doubt && doubt->action == DoubtAction::source_used;
  return network.with_statistics(outcome.statistics,
                                 {{"fibflow.adapted_on", outcome.report.input.path},
                                  {"fibflow.recipe", name_of(as_it_was ? Recipe::none : options.recipe)},
                                  {"fibflow.estimator", model::name_of(options.estimator.rule)},
                                  {"fibflow.source_share", text("%g", options.source_share)},
                                  {"fibflow.featureless", name_of(options.featureless)},
                                  {"fibflow.options", one_line(options)},
                                  {"fibflow.normalization", options.normalization.text()},
                                  {"fibflow.threshold", text("%g", options.threshold)},
                                  {"fibflow.version", version()}});
}

}  // namespace fibflow::pipeline
