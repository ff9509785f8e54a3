#include "pipeline/adapt/match_search.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <utility>

#include "io/memory_stack.h"
#include "model/statistics/estimator.h"
#include "model/tile/inference.h"
#include "nodes/scale/scaler.h"
#include "nodes/tiles/classifier.h"
#include "nodes/tiles/object_size.h"
#include "nodes/tiles/stitcher.h"
#include "nodes/tiles/tile_grid.h"
#include "nodes/tiles/tile_runner.h"
#include "pipeline/adapt/plan.h"
#include "pipeline/adapt/probe.h"
#include "pipeline/adapt/scaled_stack.h"
#include "pipeline/options/metadata_numbers.h"

namespace fibflow::pipeline {
namespace {

using namespace match_limits;

constexpr int largest_core = 512;  // of a window's tiles; a larger window is one that is scaled up
constexpr int smallest_side = 32;  // of a window on the network's grid

/// The windows of slices that are looked at: of each slice one as a rule, the centre of the first one first, then as far from
/// each other as a sequence of low discrepancy puts them.
std::vector<io::Region> window_places(const io::StackInfo& info, std::size_t slices,
                                      const nodes::GridSize& size) {
  const int height = std::min(size.height, info.height);
  const int width = std::min(size.width, info.width);
  std::vector<io::Region> places;
  for (std::size_t k = 0; k < slices; ++k) {
    const auto at = [k](int room, double step) {
      const double place = 0.5 + static_cast<double>(k) * step;
      return static_cast<int>(std::floor((place - std::floor(place)) * (room + 1)));
    };
    // The inverse of the plastic number, and its square.
    const int y = at(info.height - height, 0.7548776662466927);
    const int x = at(info.width - width, 0.5698402909980532);
    places.push_back({{y, y + height}, {x, x + width}});
  }
  return places;
}

bool scale_is_open(const Match& stated) {
  return stated.from == "voxel size" || stated.from == "default";
}

/// Evaluates candidates on some windows.
class Windows {
 public:
  Windows(io::Stack& stack, const std::vector<std::int64_t>& slices, const model::Network& network,
          const ResolvedOptions& options, const nodes::Normalizer& normalizer, nodes::Scale stated,
          ThreadTeam& team, RunContext& run)
      : stack_(stack),
        slices_(slices),
        stated_(stated),
        network_(network),
        options_(options),
        normalizer_(normalizer),
        team_(team),
        run_(run) {
    take(window);
  }

  /// Reads windows that have this height and width at the stated scale, where slices are that large.
  void take(int side) {
    const nodes::GridSize size = nodes::GridSize{side, side}.at({1 / stated_.y, 1 / stated_.x});
    const std::vector<io::Region> places = window_places(stack_.info(), slices_.size(), size);
    windows_.clear();
    for (std::size_t i = 0; i < slices_.size(); ++i) {
      const std::int64_t z = slices_[i];
      windows_[z] = run_.call("reader", {z}, [&] { return stack_.read_region(z, places[i]); });
    }
    info_ = stack_.info();
    info_.height = static_cast<int>(places.front().y.size());
    info_.width = static_cast<int>(places.front().x.size());
  }

  std::int64_t pixels() const {
    return std::int64_t{info_.height} * info_.width * static_cast<std::int64_t>(windows_.size());
  }

  /// Nothing if the network cannot take windows at this scale, or there is nothing in them to measure.
  std::optional<MatchCandidate> at(const nodes::Scale& scale, const SourceShares& shares) {
    const nodes::GridSize size = nodes::GridSize{info_.height, info_.width}.at(scale);
    if (std::min(size.height, size.width) < std::min({smallest_side, info_.height, info_.width}))
      return std::nullopt;
    io::MemoryStack unscaled(info_, [&](std::int64_t z) { return windows_.at(z); });
    ScaledStack stack(unscaled, nodes::Scaler(nodes::Resampler({info_.height, info_.width}, size)));
    const auto inference = [&]() -> std::optional<model::Inference> {
      try {
        return model::Inference(network_, size.height, size.width);
      } catch (const model::ModelError&) {
        return std::nullopt;
      }
    }();
    if (!inference) return std::nullopt;
    const auto cores = nodes::TileGrid(size.height, size.width, largest_core, inference->alignment()).cores();
    const auto statistics = statistics_of(stack, *inference, cores, shares);
    if (!statistics) return std::nullopt;
    MatchCandidate candidate = predicted(stack, *inference, cores, *statistics);
    candidate.scale = scale;
    candidate.shares = shares;
    return candidate;
  }

 private:
  /// Workers that fit beside the process and the windows; at least one.
  int workers(const model::Inference& inference, const std::vector<model::Region>& cores,
              model::PlanKind kind, int most) const {
    const std::size_t used = fixed_memory(inference, 2) + static_cast<std::size_t>(pixels()) * 8;
    const std::size_t left = options_.memory - std::min(options_.memory, used);
    const std::size_t each = worker_memory(inference, cores, kind, sizeof(float));
    return std::clamp(static_cast<int>(std::min<std::size_t>(left / each, 1 << 20)), 1, most);
  }

  std::optional<model::Statistics> statistics_of(io::Stack& stack, const model::Inference& inference,
                                                 const std::vector<model::Region>& cores,
                                                 const SourceShares& shares) {
    const model::Statistics source = network_.source_statistics();
    if (shares.used == 1) return source;
    const auto tiles = static_cast<int>(cores.size());
    const int fit = workers(inference, cores, model::PlanKind::measured, 1 << 10);
    SamplePlan plan{cores, std::min(fit, tiles), 1};
    plan.slices = std::min(std::max(1, fit / tiles), (options_.threads - 1) / tiles + 1);
    const std::vector<model::Moments> measured =
        measure_probe(stack, slices_, normalizer_, inference, shares.measuring, plan, team_, run_);
    model::Estimator estimator(options_.estimator, source);
    if (!estimator.start_from(measured)) return std::nullopt;
    return model::blend(estimator.estimate(), source, shares.used);
  }

  MatchCandidate predicted(io::Stack& stack, const model::Inference& inference,
                           const std::vector<model::Region>& cores, const model::Statistics& statistics) {
    const nodes::Snapshot snapshot{model::PlanKind::frozen, inference.freeze(statistics),
                                   std::make_shared<const model::Statistics>(statistics)};
    const nodes::Classifier classifier(network_.output(), network_.output_channels(), {});
    const nodes::TileRunner run_tile(inference);
    const std::size_t tiles = cores.size();
    std::vector<nodes::PreparedSlice> prepared;
    for (const std::int64_t z : slices_)
      prepared.push_back(run_.call("normalizer", {z}, [&] { return normalizer_({0, stack.read(z)}); }));
    const std::size_t count = tiles * prepared.size();
    nodes::Stitcher stitcher(
        nodes::TileGrid(inference.height(), inference.width(), largest_core, inference.alignment()), {});
    std::vector<nodes::Prediction> predictions(count);
    const int at_once = workers(inference, cores, model::PlanKind::frozen, options_.threads);
    nodes::WorkerPool pool(at_once);
    run_.call("match", {}, [&] {
      team_.run([&] {
        team_.loop(at_once, "match tile", run_)(static_cast<int>(count), [&](int i) {
          const auto n = static_cast<std::size_t>(i);
          const nodes::WorkerPool::Lease worker = pool.lend();
          nodes::Labels labels =
              classifier(run_tile.predict(prepared[n / tiles], cores[n % tiles], snapshot, *worker));
          const auto order = static_cast<std::int64_t>(n / tiles);
          predictions[n] = {order, order, static_cast<int>(n % tiles), cores[n % tiles], std::move(labels)};
        });
      });
      return true;
    });
    // In the order of the tiles: sums round.
    nodes::ExpectedOverlap all_expected;
    double all_foreground = 0;
    nodes::ObjectSize size;
    for (std::size_t i = 0; i < count; ++i) {
      if (const auto window = stitcher(predictions[i]))
        size.add(window->mask().as<std::uint8_t>(), inference.width());
      all_expected.add(predictions[i].labels.expected);
      all_foreground += static_cast<double>(predictions[i].labels.foreground);
    }
    const double all_pixels =
        static_cast<double>(inference.height()) * inference.width() * static_cast<double>(prepared.size());
    return {{},
            {},
            all_expected.iou().value_or(0),
            all_foreground / all_pixels,
            size.median_diameter().value_or(0)};
  }

  io::Stack& stack_;
  const std::vector<std::int64_t>& slices_;
  const nodes::Scale stated_;
  const model::Network& network_;
  const ResolvedOptions& options_;
  const nodes::Normalizer& normalizer_;
  ThreadTeam& team_;
  RunContext& run_;
  std::map<std::int64_t, io::Slice> windows_;  // by z
  io::StackInfo info_;
};

/// The choice, candidate by candidate.
class Search {
 public:
  Search(Windows& windows, Match stated, bool shares_are_open, std::optional<double> trained_foreground,
         std::optional<double> trained_diameter)
      : windows_(windows),
        match_(std::move(stated)),
        shares_are_open_(shares_are_open),
        trained_(trained_foreground),
        trained_diameter_(trained_diameter),
        stated_(match_.scale) {}

  Match operator()() {
    if (shares_are_open_ && !choose_shares_by_source()) return match_;
    const std::optional<MatchCandidate> base = look(0, match_.shares);
    if (!base || base->foreground < least_foreground) return match_;
    best_ = *base;
    if (scale_is_open(match_)) choose_scale(*base);
    if (shares_are_open_ && match_.shares.used > 0) choose_place();
    return match_;
  }

 private:
  /// `steps` away from the stated scale; more of them are fewer pixels.
  nodes::Scale scale_at(int steps) const {
    const double by = std::pow(step, steps);
    return {stated_.y * by, stated_.x * by};
  }

  std::optional<MatchCandidate> look(int steps, const SourceShares& shares) {
    const auto candidate = windows_.at(scale_at(steps), shares);
    if (candidate) match_.candidates.push_back(*candidate);
    return candidate;
  }

  /// Where the model as it is marks what cannot be right, its statistics are no guide: none of them is kept. False if it
  /// cannot be looked at.
  bool choose_shares_by_source() {
    const auto source = look(0, {1, 1});
    if (!source) return false;
    const bool is_plausible =
        trained_ ? log_distance(source->foreground, *trained_) <= implausible
                 : source->foreground >= least_plausible && source->foreground <= most_plausible;
    if (!is_plausible) match_.shares = {0, 0};
    return true;
  }

  bool may_replace(const MatchCandidate& candidate, const MatchCandidate& now) const {
    if (candidate.foreground < least_foreground) return false;
    const auto stays = [](double value, double before, const std::optional<double>& of_training) {
      return !of_training ||
             log_distance(value, *of_training) <= log_distance(before, *of_training) + farther;
    };
    return stays(candidate.foreground, now.foreground, trained_) &&
           stays(candidate.diameter, now.diameter, trained_diameter_);
  }

  void choose_scale(const MatchCandidate& base) {
    const auto smaller = look(1, match_.shares);
    if (!smaller) return;
    const double worth = match_.from == "voxel size" ? gain_over_stated : gain;
    if (smaller->expected_iou >= base.expected_iou + worth) return choose_smaller(base, worth);
    const auto larger = look(-1, match_.shares);
    if (!larger || larger->expected_iou < base.expected_iou + worth ||
        smaller->expected_iou > base.expected_iou) {
      return;
    }
    climb(base, *larger, -1, worth);
  }

  /// With more of the slices: fewer pixels are left of them, and neighbouring scales are close.
  void choose_smaller(const MatchCandidate& base, double worth) {
    windows_.take(large_window);
    match_.candidates.pop_back();  // it is looked at again
    if (const auto first = look(1, match_.shares)) climb(base, *first, 1, worth);
  }

  /// While it rises.
  void climb(const MatchCandidate& base, MatchCandidate best, int direction, double worth) {
    int steps = direction;
    std::optional<MatchCandidate> beyond;  // the best one
    for (int i = 2; i <= most_steps; ++i) {
      beyond = look(direction * i, match_.shares);
      if (!beyond || beyond->expected_iou <= best.expected_iou) break;
      best = *beyond;
      steps = direction * i;
    }
    // A small gain counts if the scales on both sides of it agree.
    const double gained = best.expected_iou - base.expected_iou;
    const bool agrees = std::abs(steps) > 1 || (beyond && beyond->expected_iou > base.expected_iou);
    if (gained < worth || (gained < gain_over_stated && !agrees) || !may_replace(best, base)) return;
    match_.scale = scale_at(steps);
    match_.from = "expected IoU";
    chosen_ = steps;
    best_ = best;
  }

  void choose_place() {
    const SourceShares after_measuring{0, match_.shares.used};
    const auto after = look(chosen_, after_measuring);
    if (after && after->expected_iou >= best_.expected_iou + gain_of_shares && may_replace(*after, best_))
      match_.shares = after_measuring;
  }

  Windows& windows_;
  Match match_;
  const bool shares_are_open_;
  const std::optional<double> trained_;  // foreground
  const std::optional<double> trained_diameter_;
  const nodes::Scale stated_;
  int chosen_ = 0;       // steps
  MatchCandidate best_;  // at the scale that is chosen
};

}  // namespace

bool is_searched(const ResolvedOptions& options, const Match& stated) {
  return options.recipe == Recipe::stream && options.probe > 0 &&
         (scale_is_open(stated) || !options.source_share_is_given);
}

Match search_match(io::Stack& stack, const std::vector<std::int64_t>& slices, Match stated,
                   const model::Network& network, const ResolvedOptions& options,
                   const nodes::Normalizer& normalizer, ThreadTeam& team, RunContext& run) {
  if (slices.empty()) return stated;
  Windows windows(stack, slices, network, options, normalizer, stated.scale, team, run);
  if (windows.pixels() < least_pixels) return stated;
  return Search(windows, std::move(stated), !options.source_share_is_given, trained_foreground(network),
                positive_metadata(network, "fibflow.object_diameter"))();
}

}  // namespace fibflow::pipeline
