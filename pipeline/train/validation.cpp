#include "pipeline/train/validation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <utility>

#include "model/tile/inference.h"
#include "nodes/tiles/tile_grid.h"
#include "nodes/tiles/tile_runner.h"
#include "nodes/tiles/worker_pool.h"
#include "pipeline/evaluate/evaluation.h"

namespace fibflow::pipeline {
namespace {

/// Of IoU, that another threshold than the middle is worth: what is less is chance, and fits no other acquisition.
constexpr double worth = 0.01;
constexpr int threshold_steps = 20;                        // of the threshold
constexpr std::size_t most_memory = std::size_t{2} << 30;  // for feature maps, in bytes

/// Voxels by the number of thresholds 1/20, 2/20, … that their probability is above.
struct Histogram {
  std::array<std::int64_t, threshold_steps> foreground{};
  std::array<std::int64_t, threshold_steps> background{};

  void add(float logit, bool is_foreground) {
    const double p = 1 / (1 + std::exp(-static_cast<double>(logit)));
    const int above =
        std::clamp(static_cast<int>(std::ceil(p * threshold_steps)) - 1, 0, threshold_steps - 1);
    ++(is_foreground ? foreground : background)[static_cast<std::size_t>(above)];
  }

  Confusion at(int step) const {
    Confusion c;
    for (int i = 0; i < threshold_steps; ++i) {
      const auto n = static_cast<std::size_t>(i);
      (i >= step ? c.true_positive : c.false_negative) += foreground[n];
      (i >= step ? c.false_positive : c.true_negative) += background[n];
    }
    return c;
  }
};

/// What one tile adds.
struct Tally {
  Histogram histogram;
  std::vector<Confusion> classes;  // empty for two classes

  void add(const Tally& other) {
    for (std::size_t i = 0; i < threshold_steps; ++i) {
      histogram.foreground[i] += other.histogram.foreground[i];
      histogram.background[i] += other.histogram.background[i];
    }
    classes.resize(other.classes.size());
    for (std::size_t c = 0; c < classes.size(); ++c) classes[c] += other.classes[c];
  }
};

int strongest(std::span<const float> logits, std::size_t pixels, std::size_t pixel) {
  const std::size_t outputs = logits.size() / pixels;
  std::size_t best = 0;
  for (std::size_t k = 1; k < outputs; ++k) {
    if (logits[k * pixels + pixel] > logits[best * pixels + pixel]) best = k;
  }
  return static_cast<int>(best);
}

Tally tally_of(std::span<const float> logits, const io::Slice& truth, const model::Region& core,
               int classes) {
  Tally tally;
  if (classes > 2) tally.classes.resize(static_cast<std::size_t>(classes));
  const auto labels = truth.as<std::uint8_t>();
  const auto pixels = static_cast<std::size_t>(core.area());
  std::size_t i = 0;
  for (int y = core.y.begin; y < core.y.end; ++y) {
    for (int x = core.x.begin; x < core.x.end; ++x, ++i) {
      const int label = labels[static_cast<std::size_t>(y) * static_cast<std::size_t>(truth.width()) +
                               static_cast<std::size_t>(x)];
      if (classes == 2) {
        tally.histogram.add(logits[i], label != 0);
        continue;
      }
      const int predicted = strongest(logits, pixels, i);
      if (predicted == label) {
        ++tally.classes[static_cast<std::size_t>(label)].true_positive;
      } else {
        ++tally.classes[static_cast<std::size_t>(predicted)].false_positive;
        ++tally.classes[static_cast<std::size_t>(label)].false_negative;
      }
    }
  }
  return tally;
}

ValidationScore score_of(const Tally& tally) {
  ValidationScore score;
  if (!tally.classes.empty()) {
    int present = 0;
    for (std::size_t c = 1; c < tally.classes.size(); ++c) {
      const Confusion& confusion = tally.classes[c];
      if (confusion.true_positive + confusion.false_negative == 0) continue;
      score.iou += confusion.iou();
      ++present;
    }
    score.iou /= present;
    score.best_iou = score.iou;
    return score;
  }
  const double middle = tally.histogram.at(threshold_steps / 2).iou();
  score.iou = score.best_iou = middle;
  for (int step = 1; step < threshold_steps; ++step) {
    const double iou = tally.histogram.at(step).iou();
    if (iou > score.best_iou && iou >= middle + worth) {
      score.best_iou = iou;
      score.best_threshold = static_cast<double>(step) / threshold_steps;
    }
  }
  return score;
}

}  // namespace

Validator::Validator(LabelledSlices& slices, const nodes::Affine& affine, nodes::ParallelLoop loop,
                     int workers)
    : slices_(slices), affine_(affine), loop_(std::move(loop)), workers_(workers) {}

ValidationScore Validator::score(const std::string& onnx) {
  const io::StackInfo& info = slices_.info();
  const auto network = model::Network::parse(std::as_bytes(std::span(onnx)), "the network in training");
  const model::Inference inference(network, info.height, info.width);
  const nodes::TileRunner run_tile(inference);
  const nodes::Snapshot snapshot{model::PlanKind::frozen, inference.freeze(network.source_statistics()),
                                 nullptr};
  const nodes::TileGrid grid(info.height, info.width, 1024, inference.alignment());
  // As many at once as fit into a fixed memory, at least one.
  const std::size_t each = inference.cost(grid.core(0), model::PlanKind::frozen).workspace_bytes;
  const int at_work = std::clamp(static_cast<int>(most_memory / std::max<std::size_t>(1, each)), 1, workers_);
  nodes::WorkerPool workers(at_work);

  Tally total;
  // As many slices at once as keep the workers busy.
  const std::int64_t at_once = std::max(1, at_work / grid.size());
  for (std::int64_t first = 0; first < slices_.range().size(); first += at_once) {
    const std::int64_t count = std::min(at_once, slices_.range().size() - first);
    std::vector<LabelledSlice> slices;
    for (std::int64_t n = 0; n < count; ++n) slices.push_back(slices_.read(first + n));
    std::vector<Tally> tallies(static_cast<std::size_t>(count) * static_cast<std::size_t>(grid.size()));
    const auto tally = [&](int i) {
      const LabelledSlice& slice = slices[static_cast<std::size_t>(i / grid.size())];
      const model::Region core = grid.core(i % grid.size());
      const auto worker = workers.lend();
      tallies[static_cast<std::size_t>(i)] =
          tally_of(run_tile.predict({0, slice.image, affine_}, core, snapshot, *worker), slice.classes, core,
                   slices_.classes());
    };
    // Each call of the loop takes every at_work-th tile.
    loop_(std::min(at_work, static_cast<int>(tallies.size())), [&](int call) {
      for (int i = call; i < static_cast<int>(tallies.size()); i += at_work) tally(i);
    });
    for (const Tally& one : tallies) total.add(one);
  }
  return score_of(total);
}

}  // namespace fibflow::pipeline
