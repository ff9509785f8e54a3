#include "pipeline/train/train.h"

#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>
#include <stdexcept>
#include <utility>
#include <vector>

#include "io/error.h"
#include "io/files/atomic_file.h"
#include "model/engine/cpu.h"
#include "model/training/trainer.h"
#include "pipeline/flow/interruption.h"
#include "pipeline/flow/memory_budget.h"
#include "pipeline/flow/spoken.h"
#include "pipeline/flow/thread_team.h"
#include "pipeline/options/source_intensities.h"
#include "pipeline/options/version.h"
#include "pipeline/state/setting.h"
#include "pipeline/train/labelled_slices.h"
#include "pipeline/train/training_checkpoint.h"
#include "pipeline/train/validation.h"

namespace fibflow::pipeline {
namespace {

using Clock = std::chrono::steady_clock;

void require(bool holds, const std::string& what) {
  if (!holds) throw std::invalid_argument(what);
}

void require_sensible(const TrainingOptions& o) {
  require(o.channels >= 1 && o.channels <= 256, "the channels of the first level must be 1 to 256");
  require(o.classes >= 2 && o.classes <= 256, "there must be 2 to 256 classes");
  require(o.classes == 2 || o.foreground == Foreground::labels,
          "where any number is foreground there are no more classes than 2");
  require(o.patches.batch >= 1 && o.patches.batch <= 1024, "a batch must have 1 to 1024 patches");
  require(o.learning_rate > 0 && std::isfinite(o.learning_rate), "the learning rate must be above 0");
  require(o.validation >= 0 && o.validation < 1, "the share for validation must be at least 0 and below 1");
  require(o.validations >= 1, "there must be at least one validation");
  const TrainingLength& l = o.length;
  require(l.iterations.has_value() + l.epochs.has_value() + l.seconds.has_value() == 1,
          "the length of a training is given as iterations, epochs or time, and once");
  require(l.iterations.value_or(1) >= 1, "a training has at least one iteration");
  require(l.epochs.value_or(1) > 0 && l.seconds.value_or(1) > 0, "the length of a training must be above 0");
}

/// The slices to train on and to validate with.
struct Split {
  SliceRange training;
  std::optional<SliceRange> validation;  // of the same stack
};

Split split_of(const TrainingInput& input, double share) {
  const std::int64_t depth = input.images.info().depth;
  if (input.validation_images != nullptr || share == 0) return {{0, depth}, std::nullopt};
  const auto kept = std::max<std::int64_t>(1, std::llround(share * static_cast<double>(depth)));
  require(kept < depth, "a stack of " + std::to_string(depth) + " slices leaves none to train on with " +
                            std::to_string(kept) + " for validation: give stacks for validation, or 0");
  return {{0, depth - kept}, SliceRange{depth - kept, depth}};
}

void require_foreground(const LabelledSlices& slices) {
  if (slices.has_foreground()) return;
  throw io::Error(io::ErrorKind::bad_data, slices.labels_info().path,
                  "slices " + std::to_string(slices.range().first) + " to " +
                      std::to_string(slices.range().end.value() - 1) + " have no foreground");
}

nodes::StoredVoxels stored_voxels(const io::StackInfo& info) {
  return {info.type, info.zero, info.bits};
}

std::string spoken_voxel_size(const io::VoxelSize& size) {
  return formatted("%g,%g,%g", size.z, size.y, size.x);
}

/// One training.
class Training {
 public:
  Training(const TrainingInput& input, const TrainingOptions& options, const TrainingOutput& output,
           int threads, const RunHooks& hooks);

  TrainingOutcome run();

 private:
  model::Trainer::Options trainer_options() const;
  nodes::ParallelLoop team_loop();
  nlohmann::ordered_json setting() const;
  std::int64_t planned_iterations() const;
  double progress() const;
  double seconds() const {
    return seconds_before_ + std::chrono::duration<double>(Clock::now() - begin_).count();
  }
  std::int64_t iterations() const { return static_cast<std::int64_t>(history_.losses.size()); }

  void resume();
  void step();
  void validate();
  void write_checkpoint();
  void write_curve() const;
  void log(const std::string& line) const {
    if (hooks_.log) hooks_.log(line);
  }
  float recent_loss(double share) const;
  const model::UNetValues& kept_values() const { return best_ ? *best_ : trainer_->values(); }
  std::map<std::string, std::string> metadata() const;

  TrainingInput input_;
  TrainingOptions options_;
  TrainingOutput output_;
  const RunHooks& hooks_;
  ThreadTeam team_;
  Split split_;
  LabelledSlices slices_;
  std::optional<LabelledSlices> validation_slices_;
  nodes::IntensityMatch intensities_;
  nodes::Normalization normalization_;
  std::optional<model::Trainer> trainer_;
  std::optional<PatchSampler> sampler_;
  std::optional<Validator> validator_;
  std::vector<float> images_;
  std::vector<std::uint8_t> classes_;

  Clock::time_point begin_ = Clock::now();
  Clock::time_point last_checkpoint_ = begin_;
  double seconds_before_ = 0;  // in runs that this one goes on from
  TrainingHistory history_;
  std::optional<model::UNetValues> best_;
  ValidationScore best_score_;
  std::int64_t best_iteration_ = 0;
};

Training::Training(const TrainingInput& input, const TrainingOptions& options, const TrainingOutput& output,
                   int threads, const RunHooks& hooks)
    : input_(input),
      options_(options),
      output_(output),
      hooks_(hooks),
      team_(threads > 0 ? threads : tbb::info::default_concurrency()),
      split_(split_of(input, options.validation)),
      slices_(input.images, input.labels, split_.training, options.classes, options.foreground, hooks) {
  require_foreground(slices_);
  if (split_.validation) {
    validation_slices_.emplace(input.images, input.labels, *split_.validation, options.classes,
                               options.foreground, hooks);
  } else if (input.validation_images != nullptr) {
    validation_slices_.emplace(*input.validation_images, *input.validation_labels, SliceRange{},
                               options.classes, options.foreground, hooks);
  }
  if (validation_slices_) require_foreground(*validation_slices_);

  // Nobody says what was meant: the fewest usual bits that hold it. The model then works in intensities, whatever holds
  // the stacks that it meets.
  intensities_ = nodes::match_intensities(slices_.intensities(), stored_voxels(input.images.info()), {}, {});
  for (const auto* texts : {&intensities_.remarks, &intensities_.warnings}) {
    for (const std::string& text : *texts) log(text);
  }
  const nodes::IntensityMoments intensities = slices_.intensities().moments().in(intensities_.range);
  // Rounding leaves equal pixels a deviation of some 1e-17.
  if (!(intensities.deviation() > 1e-9 * std::abs(intensities.mean))) {
    throw io::Error(io::ErrorKind::bad_data, input.images.info().path,
                    "all pixels have the same intensity: there is nothing to learn from");
  }
  // Through its text, so that whoever reads the model's metadata computes with the same numbers.
  normalization_ = nodes::Normalization::parse(
      nodes::Normalization{nodes::Normalization::Kind::zscore, intensities.mean, intensities.deviation()}
          .text());
  const auto affine_for = [&](const LabelledSlices& slices) {
    const nodes::IntensityMatch match =
        nodes::match_intensities(slices.intensities(), stored_voxels(slices.info()), {normalization_, false},
                                 nodes::SourceIntensities{intensities.mean, intensities.deviation()});
    return nodes::standardize(match.range, normalization_.first, normalization_.second);
  };
  const model::Trainer::Options trainer = trainer_options();
  const std::size_t needed = model::TrainingGraph::memory_of(trainer.shape);
  require(needed < machine_memory(), "the training needs " + spoken_memory(needed) +
                                         " of memory, but there are " + spoken_memory(machine_memory()) +
                                         ": use smaller patches or batches, or fewer channels");
  sampler_.emplace(slices_,
                   nodes::standardize(intensities_.range, normalization_.first, normalization_.second),
                   options_.patches, team_loop());
  trainer_.emplace(trainer, team_loop());
  if (validation_slices_) {
    validator_.emplace(*validation_slices_, affine_for(*validation_slices_), team_loop(), team_.threads());
  }
  const auto patch = static_cast<std::size_t>(options_.patches.patch);
  images_.resize(patch * patch * static_cast<std::size_t>(options_.patches.batch));
  classes_.resize(images_.size());
}

model::Trainer::Options Training::trainer_options() const {
  model::Trainer::Options o;
  o.shape.network.channels = options_.channels;
  o.shape.network.depth = options_.depth;
  o.shape.network.output_channels = options_.classes == 2 ? 1 : options_.classes;
  o.shape.batch = options_.patches.batch;
  o.shape.height = o.shape.width = options_.patches.patch;
  o.loss = options_.loss;
  o.adam.weight_decay = options_.weight_decay;
  o.seed = options_.patches.seed;
  return o;
}

nodes::ParallelLoop Training::team_loop() {
  return [this](int count, const std::function<void(int)>& body) {
    team_.run([&] {
      tbb::parallel_for(
          0, count, [&](int i) { body(i); }, tbb::simple_partitioner());
    });
  };
}

/// Another one would lead to another result.
nlohmann::ordered_json Training::setting() const {
  nlohmann::ordered_json json;
  const PatchOptions& p = options_.patches;
  json["stack"] = {input_.images.info().depth, input_.images.info().height, input_.images.info().width};
  json["instruction set"] = model::name_of(model::instruction_set());
  json["intensities"] = normalization_.text();
  for (int c = 1; c < options_.classes; ++c) json["voxels of class " + std::to_string(c)] = slices_.voxels(c);
  json["channels"] = options_.channels;
  json["depth"] = options_.depth;
  json["classes"] = options_.classes;
  json["foreground"] = options_.foreground == Foreground::nonzero ? "nonzero" : "labels";
  json["patch"] = p.patch;
  json["batch"] = p.batch;
  json["seed"] = p.seed;
  json["foreground"] = p.foreground_share;
  const nodes::Augmentation& a = p.augmentation;
  json["augmentation"] = {a.flips,      a.quarter_turns, a.zoom, a.elastic, a.elastic_spacing,
                          a.brightness, a.contrast,      a.blur, a.noise};
  json["loss"] = {options_.loss.cross_entropy, options_.loss.dice, options_.loss.smooth};
  json["learning rate"] = options_.learning_rate;
  json["schedule"] = model::name_of(options_.schedule);
  json["weight decay"] = options_.weight_decay;
  if (options_.length.seconds) {
    json["length in seconds"] = *options_.length.seconds;
  } else {
    json["length in iterations"] = planned_iterations();
  }
  json["validations"] = validator_ ? options_.validations : 0;
  json["validation slices"] = validation_slices_ ? validation_slices_->range().size() : 0;
  return json;
}

/// 0 if the time decides.
std::int64_t Training::planned_iterations() const {
  const TrainingLength& length = options_.length;
  if (length.iterations) return *length.iterations;
  if (length.seconds) return 0;
  const io::StackInfo& info = slices_.info();
  const double voxels = static_cast<double>(slices_.range().size()) * info.height * info.width;
  const double batch = static_cast<double>(images_.size());
  const double iterations = std::ceil(*length.epochs * voxels / batch);
  require(iterations < 1e15, "so many epochs have more iterations than can be counted");
  return std::max<std::int64_t>(1, std::llround(iterations));
}

/// The share of the training that is done.
double Training::progress() const {
  const double share = options_.length.seconds
                           ? seconds() / *options_.length.seconds
                           : static_cast<double>(iterations()) / static_cast<double>(planned_iterations());
  return std::min(1.0, share);
}

void Training::resume() {
  std::string refusal;
  const TrainingCheckpoint checkpoint = TrainingCheckpoint::read(output_.checkpoint, refusal);
  if (!refusal.empty()) log(refusal + "; the checkpoint before it is used");
  require_same_setting(output_.checkpoint, checkpoint.setting, setting(),
                       "go on with the options that it began with, or begin anew with --overwrite");
  try {
    trainer_->restore(checkpoint.trainer);
  } catch (const std::invalid_argument& error) {
    throw io::Error(io::ErrorKind::bad_data, output_.checkpoint, std::string("is damaged: ") + error.what());
  }
  seconds_before_ = checkpoint.seconds;
  history_ = checkpoint.history;
  if (!checkpoint.best.empty()) {
    best_.emplace(trainer_->values());
    if (checkpoint.best.size() != best_->all().size_bytes())
      throw io::Error(io::ErrorKind::bad_data, output_.checkpoint,
                      "is damaged: the best network has another size");
    std::memcpy(best_->all().data(), checkpoint.best.data(), checkpoint.best.size());
    best_score_ = {checkpoint.best_iou, checkpoint.best_threshold, checkpoint.best_iou_at_threshold};
  }
  best_iteration_ = checkpoint.best_iteration;
  log(formatted("going on after %lld iterations", static_cast<long long>(iterations())));
}

void Training::step() {
  sampler_->draw(iterations(), images_, classes_);
  const double rate = model::learning_rate(options_.schedule, options_.learning_rate, progress());
  try {
    history_.losses.push_back(static_cast<float>(trainer_->step(images_, classes_, rate).total));
  } catch (const model::TrainingDiverged& error) {
    throw std::invalid_argument(std::string(error.what()) + "; try a smaller --learning-rate");
  }
}

void Training::validate() {
  const double loss = static_cast<double>(recent_loss(1.0 / options_.validations));
  const std::string done = formatted("%lld iterations, %.0f %%: loss %.4f",
                                     static_cast<long long>(iterations()), 100 * progress(), loss);
  if (!validator_) {
    log(done);
    write_curve();
    return;
  }
  const ValidationScore score = validator_->score(trainer_->values().onnx());
  history_.validations.push_back({static_cast<double>(iterations()), score.iou});
  const bool better = !best_ || score.iou > best_score_.iou;
  if (better) {
    best_.emplace(trainer_->values());
    best_score_ = score;
    best_iteration_ = iterations();
  }
  log(done + formatted(", validation IoU %.4f%s", score.iou, better ? ", the best so far" : ""));
  write_curve();
}

float Training::recent_loss(double share) const {
  const auto& losses = history_.losses;
  if (losses.empty()) return 0;
  const auto n = std::clamp<std::size_t>(static_cast<std::size_t>(share * static_cast<double>(losses.size())),
                                         1, losses.size());
  return std::accumulate(losses.end() - static_cast<std::ptrdiff_t>(n), losses.end(), 0.0F) /
         static_cast<float>(n);
}

void Training::write_checkpoint() {
  last_checkpoint_ = Clock::now();
  if (output_.checkpoint.empty()) return;
  TrainingCheckpoint checkpoint;
  checkpoint.setting = setting();
  checkpoint.seconds = seconds();
  checkpoint.history = history_;
  checkpoint.trainer = trainer_->state();
  if (best_) {
    const auto values = std::as_bytes(best_->all());
    checkpoint.best.assign(reinterpret_cast<const char*>(values.data()), values.size());
  }
  checkpoint.best_iou = best_score_.iou;
  checkpoint.best_threshold = best_score_.best_threshold;
  checkpoint.best_iou_at_threshold = best_score_.best_iou;
  checkpoint.best_iteration = best_iteration_;
  checkpoint.write(output_.checkpoint);
}

void Training::write_curve() const {
  if (!output_.curve.empty()) write_loss_curve(output_.curve, history_);
}

std::map<std::string, std::string> Training::metadata() const {
  const io::StackInfo& info = input_.images.info();
  const auto file_of = [](const io::StackInfo& i) {
    return std::filesystem::path(i.path).filename().string();
  };
  const SliceRange& range = slices_.range();
  std::map<std::string, std::string> data{
      {"fibflow.normalization", normalization_.text()},
      {"fibflow.intensity_range", intensities_.range.text()},
      {"fibflow.histogram",
       histogram_text(slices_.intensities().histogram(intensities_.range, histogram_bins))},
      {"fibflow.threshold", formatted("%g", best_ ? best_score_.best_threshold : 0.5)},
      {"fibflow.trained_on",
       file_of(info) + formatted(", slices %lld to %lld of %lld, %d x %d",
                                 static_cast<long long>(range.first),
                                 static_cast<long long>(range.end.value() - 1),
                                 static_cast<long long>(info.depth), info.height, info.width)},
      {"fibflow.training", setting().dump()},
      {"fibflow.iterations", std::to_string(best_ ? best_iteration_ : iterations())},
      {"fibflow.version", version()}};
  const auto all = static_cast<double>(range.size()) * info.height * info.width;
  data["fibflow.foreground"] = formatted("%.5g", 1 - static_cast<double>(slices_.voxels(0)) / all);
  if (const auto diameter = slices_.object_size().median_diameter())
    data["fibflow.object_diameter"] = formatted("%.4g", *diameter);
  const io::VoxelSize& voxel = info.voxel_nm;
  if (voxel.z > 0 || voxel.y > 0 || voxel.x > 0) data["fibflow.voxel_nm"] = spoken_voxel_size(voxel);
  if (best_) {
    data["fibflow.validation"] =
        file_of(validation_slices_->info()) +
        formatted(", slices %lld to %lld: IoU %.4f",
                  static_cast<long long>(validation_slices_->range().first),
                  static_cast<long long>(validation_slices_->range().end.value() - 1), best_score_.iou);
  }
  return data;
}

TrainingOutcome Training::run() {
  if (output_.resume && TrainingCheckpoint::exists(output_.checkpoint)) {
    resume();
  } else if (output_.resume) {
    log("there is no " + output_.checkpoint + " yet: beginning");
  }
  log(formatted("%zu weights, %s of memory, %d threads; normalization %s", trainer_->values().all().size(),
                spoken_memory(trainer_->memory()).c_str(), team_.threads(), normalization_.text().c_str()));
  if (hooks_.begin) {
    const double left = options_.length.seconds.value_or(0) - seconds_before_;
    const std::int64_t size =
        options_.length.seconds ? std::llround(std::ceil(left)) : planned_iterations() - iterations();
    hooks_.begin("train", std::max<std::int64_t>(0, size));
  }
  begin_ = last_checkpoint_ = Clock::now();
  double before = progress();
  while (before < 1) {
    if (hooks_.stop.stop_requested()) {
      write_checkpoint();
      if (!output_.checkpoint.empty()) {
        log(formatted("stopped after %lld iterations; --resume goes on from %s",
                      static_cast<long long>(iterations()), output_.checkpoint.c_str()));
      }
      throw Interrupted();
    }
    step();
    const double now = progress();
    const auto due = [&](double share) { return std::floor(share * options_.validations + 1e-9); };
    if (due(now) > due(before)) validate();
    before = now;
    if (hooks_.advance) hooks_.advance();
    if (std::chrono::duration<double>(Clock::now() - last_checkpoint_).count() >= output_.checkpoint_seconds)
      write_checkpoint();
  }

  TrainingOutcome outcome;
  outcome.iterations = iterations();
  outcome.seconds = seconds();
  outcome.last_loss = recent_loss(0.05);
  outcome.validated = best_.has_value();
  outcome.iou = best_score_.iou;
  outcome.threshold = best_ ? best_score_.best_threshold : 0.5;
  outcome.iou_at_threshold = best_score_.best_iou;
  outcome.best_iteration = best_ ? best_iteration_ : iterations();
  outcome.normalization = normalization_;
  io::AtomicFile file(output_.model, output_.overwrite);
  const std::string onnx = kept_values().onnx(metadata());
  file.write(onnx.data(), onnx.size());
  file.commit();
  try {
    if (!output_.checkpoint.empty()) TrainingCheckpoint::remove(output_.checkpoint);
  } catch (const io::Error& error) {  // a checkpoint that stays is no failure of the training
    log(error.what());
  }
  return outcome;
}

void require_free(const std::string& path, const char* otherwise) {
  if (path.empty() || !std::filesystem::exists(path)) return;
  throw io::Error(io::ErrorKind::cannot_create, path, std::string("exists already (") + otherwise + ")");
}

}  // namespace

TrainingOutcome train(const TrainingInput& input, const TrainingOptions& options, const TrainingOutput& given,
                      int threads, const RunHooks& hooks) {
  require_sensible(options);
  TrainingOutput output = given;
  // One that goes on may have been killed between its last steps: what is there is its own.
  if (output.resume && !output.checkpoint.empty() && TrainingCheckpoint::exists(output.checkpoint))
    output.overwrite = true;
  require((input.validation_images == nullptr) == (input.validation_labels == nullptr),
          "images and labels for validation come together");
  require(!output.resume || !output.checkpoint.empty(), "there is no checkpoint to go on from");
  require(output.curve != output.model && output.checkpoint != output.model,
          "two outputs would have the name " + output.model);
  // Whether outputs can be made shows now, not in an hour.
  { const io::AtomicFile probe(output.model, output.overwrite, io::ResumeAt()); }
  if (!output.overwrite) {
    if (!output.resume) {
      if (!output.checkpoint.empty() && TrainingCheckpoint::exists(output.checkpoint)) {
        throw io::Error(io::ErrorKind::cannot_create, output.checkpoint,
                        "exists already (--resume goes on from it, --overwrite begins anew)");
      }
      require_free(output.curve, "--overwrite replaces it");
    }
  }
  if (!output.checkpoint.empty()) {
    const io::AtomicFile probe(output.checkpoint, true, io::ResumeAt());
  }
  return Training(input, options, output, threads, hooks).run();
}

}  // namespace fibflow::pipeline
