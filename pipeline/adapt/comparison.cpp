#include "pipeline/adapt/comparison.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "nodes/tiles/tile_grid.h"
#include "nodes/tiles/tile_runner.h"
#include "nodes/tiles/worker_pool.h"
#include "pipeline/adapt/plan.h"

namespace fibflow::pipeline {
namespace {

constexpr int largest_tile = 1024;  // above a megapixel only windows are compared, and these are smaller
constexpr int smallest_tile = 64;

/// Cuts areas into tiles of at most this size.
void cut_areas(ComparisonPlan& plan, int size, int alignment) {
  plan.tiles.clear();
  plan.area_of_tile.clear();
  for (std::size_t a = 0; a < plan.areas.size(); ++a) {
    const model::Region& area = plan.areas[a];
    const nodes::TileGrid grid(area.height(), area.width(), size, alignment);
    for (const model::Region& core : grid.cores()) {
      plan.tiles.push_back({{area.y.begin + core.y.begin, area.y.begin + core.y.end},
                            {area.x.begin + core.x.begin, area.x.begin + core.x.end}});
      plan.area_of_tile.push_back(static_cast<int>(a));
    }
  }
}

/// What two masks have in common.
struct Overlap {
  std::int64_t both = 0;
  std::int64_t either = 0;
  std::int64_t equal = 0;
  std::int64_t pixels = 0;

  void add(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      both += a[i] != 0 && b[i] != 0;
      either += a[i] != 0 || b[i] != 0;
      equal += a[i] == b[i];
    }
    pixels += static_cast<std::int64_t>(a.size());
  }
  std::optional<double> iou() const {
    if (either == 0) return std::nullopt;
    return static_cast<double>(both) / static_cast<double>(either);
  }
};

}  // namespace

/// One network's view of one slice, by tile.
struct Comparator::SlicePrediction {
  PredictionFigures figures;
  std::vector<std::vector<std::uint8_t>> masks;
  std::vector<std::vector<float>> probabilities;  // empty if they are not wanted
};

std::size_t kept_by_comparison(const model::Inference& inference, int slices, bool previews) {
  long long pixels = static_cast<long long>(inference.height()) * inference.width();
  if (const auto sample = sample_of_large(inference.height(), inference.width(), inference.alignment())) {
    pixels = 0;
    for (const model::Region& area : *sample) pixels += area.area();
  }
  return static_cast<std::size_t>(pixels) * static_cast<std::size_t>(slices) *
         (previews ? 2 + sizeof(float) : 2);
}

std::optional<ComparisonPlan> plan_comparison(const model::Inference& inference, std::size_t memory,
                                              int threads, std::size_t voxel_bytes, int weight_copies) {
  const int height = inference.height();
  const int width = inference.width();
  ComparisonPlan plan;
  plan.areas = sample_of_large(height, width, inference.alignment())
                   .value_or(std::vector<model::Region>{{{0, height}, {0, width}}});
  const std::size_t voxels = static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * voxel_bytes;
  const std::size_t fixed = fixed_memory(inference, weight_copies) + 3 * voxels;
  for (int size = largest_tile; size >= smallest_tile; size /= 2) {
    cut_areas(plan, size, inference.alignment());
    std::size_t largest = 0;
    for (const model::Region& tile : plan.tiles)
      largest = std::max(largest, static_cast<std::size_t>(tile.area()));
    const std::size_t worker =
        worker_memory(inference, plan.tiles, model::PlanKind::frozen, 1 + 2 * sizeof(float));
    if (fixed + worker > memory) continue;
    const auto fit = std::min<std::size_t>((memory - fixed) / worker, plan.tiles.size());
    plan.workers = std::min(threads, static_cast<int>(fit));
    return plan;
  }
  return std::nullopt;
}

Comparator::Comparator(const model::Inference& inference, const nodes::Normalizer& normalizer,
                       ComparisonPlan plan, double threshold, bool previews)
    : inference_(inference),
      normalizer_(normalizer),
      plan_(std::move(plan)),
      threshold_(threshold),
      wants_previews_(previews) {}

nodes::Snapshot Comparator::snapshot(const model::Statistics& statistics) const {
  return {model::PlanKind::frozen, inference_.freeze(statistics),
          std::make_shared<const model::Statistics>(statistics)};
}

std::vector<Comparator::SlicePrediction> Comparator::predict(io::Stack& stack,
                                                             const std::vector<std::int64_t>& slices,
                                                             const nodes::Snapshot& snapshot,
                                                             bool probabilities, ThreadTeam& team,
                                                             RunContext& run) const {
  const model::Network& network = inference_.network();
  constexpr nodes::LayerFormat mask{nodes::Layer::mask, io::PixelType::u8};
  constexpr nodes::LayerFormat probability{nodes::Layer::probability, io::PixelType::f32};
  const nodes::Classifier classifier(
      network.output(), network.output_channels(),
      {threshold_, probabilities ? std::vector<nodes::LayerFormat>{mask, probability}
                                 : std::vector<nodes::LayerFormat>{mask}});
  const nodes::TileRunner run_tile(inference_);
  const auto tiles = plan_.tiles.size();
  nodes::WorkerPool workers(plan_.workers);
  const nodes::ParallelLoop loop = team.loop(plan_.workers, "comparison tile", run);

  std::vector<SlicePrediction> predictions;
  for (const std::int64_t z : slices) {
    const auto slice = run.call("reader", {z}, [&] { return stack.read(z); });
    const auto prepared = run.call("normalizer", {z}, [&] { return normalizer_({0, slice}); });
    SlicePrediction prediction;
    prediction.masks.resize(tiles);
    if (probabilities) prediction.probabilities.resize(tiles);
    std::vector<double> entropy(tiles);
    std::vector<nodes::ExpectedOverlap> expected(tiles);
    std::vector<std::int64_t> foreground(tiles);
    run.call("comparison", {z}, [&] {
      team.run([&] {
        loop(static_cast<int>(tiles), [&](int t) {
          const auto i = static_cast<std::size_t>(t);
          const auto worker = workers.lend();
          const nodes::Labels labels =
              classifier(run_tile.predict(prepared, plan_.tiles[i], snapshot, *worker));
          entropy[i] = labels.entropy;
          foreground[i] = labels.foreground;
          expected[i] = labels.expected;
          prediction.masks[i].assign(labels.mask().begin(), labels.mask().end());
          if (probabilities) {
            const std::vector<std::byte>& voxels = labels.voxels(nodes::Layer::probability);
            prediction.probabilities[i].resize(labels.mask().size());
            std::memcpy(prediction.probabilities[i].data(), voxels.data(), voxels.size());
          }
        });
      });
      return true;
    });
    // Sums in the order of the tiles, so that they do not depend on the threads.
    nodes::ExpectedOverlap all_expected;
    std::int64_t pixels = 0;
    for (std::size_t i = 0; i < tiles; ++i) {
      prediction.figures.foreground += static_cast<double>(foreground[i]);
      prediction.figures.entropy += entropy[i];
      all_expected.add(expected[i]);
      pixels += plan_.tiles[i].area();
    }
    prediction.figures.foreground /= static_cast<double>(pixels);
    prediction.figures.entropy /= static_cast<double>(pixels);
    prediction.figures.expected_iou = all_expected.iou();
    predictions.push_back(std::move(prediction));
    run.advance();
  }
  return predictions;
}

void Comparator::compare(io::Stack& stack, const std::vector<std::int64_t>& slices,
                         const model::Statistics& source, const model::Statistics& adapted, ThreadTeam& team,
                         RunContext& run) {
  comparison_.slices.clear();
  previews_.clear();
  // One after the other: folded into the weights, each set of statistics takes a copy of them.
  const std::vector<SlicePrediction> before = predict(stack, slices, snapshot(source), false, team, run);
  const std::vector<SlicePrediction> after =
      predict(stack, slices, snapshot(adapted), wants_previews_, team, run);
  for (std::size_t s = 0; s < slices.size(); ++s) {
    Overlap overlap;
    for (std::size_t t = 0; t < plan_.tiles.size(); ++t) overlap.add(before[s].masks[t], after[s].masks[t]);
    SliceComparison slice;
    slice.z = slices[s];
    slice.source = before[s].figures;
    slice.adapted = after[s].figures;
    slice.agreement = overlap.iou();
    slice.equal = static_cast<double>(overlap.equal) / static_cast<double>(overlap.pixels);
    comparison_.slices.push_back(slice);
    if (wants_previews_) add_preview(stack, slices[s], before[s], after[s], run);
  }
}

std::string one_line(const Comparison& comparison) {
  double foreground[2] = {0, 0};
  for (const SliceComparison& slice : comparison.slices) {
    foreground[0] += slice.source.foreground / static_cast<double>(comparison.slices.size());
    foreground[1] += slice.adapted.foreground / static_cast<double>(comparison.slices.size());
  }
  const auto mean = [&](const auto& value) -> std::string {
    double sum = 0;
    int count = 0;
    for (const SliceComparison& slice : comparison.slices) {
      if (const std::optional<double> known = value(slice)) sum += *known, ++count;
    }
    if (count == 0) return "none";
    char number[32];
    std::snprintf(number, sizeof number, "%.3f", sum / count);
    return number;
  };
  char line[256];
  std::snprintf(
      line, sizeof line,
      "%zu slices, foreground %.2f %% as it is and %.2f %% adapted, agreement %s, expected IoU %s and %s",
      comparison.slices.size(), 100 * foreground[0], 100 * foreground[1],
      mean([](const SliceComparison& s) { return s.agreement; }).c_str(),
      mean([](const SliceComparison& s) { return s.source.expected_iou; }).c_str(),
      mean([](const SliceComparison& s) { return s.adapted.expected_iou; }).c_str());
  return line;
}

void Comparator::add_preview(io::Stack& stack, std::int64_t z, const SlicePrediction& source,
                             const SlicePrediction& adapted, RunContext& run) {
  const Mosaic mosaic(plan_.areas);
  const auto slice = run.call("reader", {z}, [&] { return stack.read(z); });
  const auto picture = [&](const auto& value_of) {
    std::vector<float> plane(static_cast<std::size_t>(mosaic.height) *
                             static_cast<std::size_t>(mosaic.width));
    for (std::size_t t = 0; t < plan_.tiles.size(); ++t) {
      const model::Region& tile = plan_.tiles[t];
      const auto a = static_cast<std::size_t>(plan_.area_of_tile[t]);
      const int top = mosaic.top[a] + tile.y.begin - plan_.areas[a].y.begin;
      const int left = mosaic.left[a] + tile.x.begin - plan_.areas[a].x.begin;
      std::size_t i = 0;
      for (int y = 0; y < tile.height(); ++y) {
        for (int x = 0; x < tile.width(); ++x, ++i) {
          plane[static_cast<std::size_t>(top + y) * static_cast<std::size_t>(mosaic.width) +
                static_cast<std::size_t>(left + x)] = value_of(t, i);
        }
      }
    }
    return gray_levels(averaged_down(plane, mosaic.height, mosaic.width).pixels, 0, 1);
  };
  const auto in_source = [&](std::size_t t, std::size_t i) { return source.masks[t][i] != 0; };
  const auto in_adapted = [&](std::size_t t, std::size_t i) { return adapted.masks[t][i] != 0; };
  const SmallPicture image = averaged_down(cut_mosaic(mosaic, slice), mosaic.height, mosaic.width);
  const auto [low, high] = display_range(image.pixels);
  Preview preview;
  preview.z = z;
  preview.height = image.height;
  preview.width = image.width;
  preview.image = gray_levels(image.pixels, low, high);
  preview.source_mask = picture([&](std::size_t t, std::size_t i) { return in_source(t, i) ? 1.0F : 0.0F; });
  preview.mask = picture([&](std::size_t t, std::size_t i) { return in_adapted(t, i) ? 1.0F : 0.0F; });
  preview.probability = picture([&](std::size_t t, std::size_t i) { return adapted.probabilities[t][i]; });
  preview.disagreement = picture(
      [&](std::size_t t, std::size_t i) { return in_source(t, i) != in_adapted(t, i) ? 1.0F : 0.0F; });
  previews_.push_back(std::move(preview));
}

}  // namespace fibflow::pipeline
