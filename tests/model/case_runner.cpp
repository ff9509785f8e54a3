#include "case_runner.h"

#include <cmath>
#include <fstream>
#include <numeric>

namespace fibflow::model {
namespace {

/// Shapes are [N, C, H, W].
int output_size(const Case& c, int axis) {
  return c.json.at("logits_source").at("shape").at(axis);
}
int input_size(const Case& c, int axis) {
  return c.json.at("input").at("shape").at(axis);
}

}  // namespace

std::span<const float> Array::image(int n) const {
  const std::size_t size = values.size() / static_cast<std::size_t>(shape.at(0));
  return std::span(values).subspan(static_cast<std::size_t>(n) * size, size);
}

Array Case::array(const nlohmann::json& entry) const {
  Array a;
  a.shape = entry.at("shape").get<std::vector<int>>();
  a.values.resize(
      static_cast<std::size_t>(std::accumulate(a.shape.begin(), a.shape.end(), 1, std::multiplies<>())));
  const std::filesystem::path file = folder / entry.at("file").get<std::string>();
  std::ifstream in(file, std::ios::binary);
  in.seekg(entry.value("offset", 0));
  in.read(reinterpret_cast<char*>(a.values.data()),
          static_cast<std::streamsize>(a.values.size() * sizeof(float)));
  if (!in) throw std::runtime_error(file.string() + ": cannot be read");
  return a;
}

std::vector<Case> own_cases() {
  const std::filesystem::path folder = std::filesystem::path(FIBFLOW_TEST_FIXTURES) / "onnx";
  std::vector<Case> cases;
  const nlohmann::json all = nlohmann::json::parse(std::ifstream(folder / "cases.json"));
  for (const auto& entry : all.at("cases")) {
    cases.push_back({entry.at("name"), entry.at("expect"), folder, entry});
  }
  return cases;
}

std::vector<Case> shared_cases() {
  const std::filesystem::path folder = std::filesystem::path(FIBFLOW_SHARED) / "reference";
  std::vector<Case> cases;
  if (!std::filesystem::exists(folder / "cases.json")) return cases;
  const nlohmann::json all = nlohmann::json::parse(std::ifstream(folder / "cases.json"));
  for (const auto& [name, entry] : all.items()) {
    if (entry.contains("input")) cases.push_back({name, "exact", folder, entry});
  }
  return cases;
}

CaseRunner::CaseRunner(const Case& c, int tile)
    : CaseRunner(Inference(Network::load(c.model()), output_size(c, 2), output_size(c, 3),
                           input_size(c, 2) - output_size(c, 2), input_size(c, 3) - output_size(c, 3)),
                 tile) {}

CaseRunner::CaseRunner(Inference inference, int tile)
    : out_height_(inference.height()), out_width_(inference.width()), inference_(std::move(inference)) {
  const int grid = inference_.alignment();
  const int step = tile == 0 ? std::max(out_height_, out_width_) : (tile + grid - 1) / grid * grid;
  for (int y = 0; y < out_height_; y += step) {
    for (int x = 0; x < out_width_; x += step) {
      cores_.push_back({{y, std::min(y + step, out_height_)}, {x, std::min(x + step, out_width_)}});
    }
  }
}

std::shared_ptr<const TilePlan> CaseRunner::prepare(const Array& batch, int n, const Region& core,
                                                    PlanKind kind, Workspace& workspace) const {
  // A network that shrinks its input is given the input's rim where a slice would be mirrored.
  const auto extension = inference_.extension();
  const int height = batch.dim(2);
  const int width = batch.dim(3);
  if (height != out_height_ + extension.top + extension.bottom ||
      width != out_width_ + extension.left + extension.right) {
    throw std::runtime_error("the extended slice is not the case's input");
  }
  auto plan = inference_.plan(core, kind);
  const std::span<float> input = plan->input(workspace);
  const Region r = plan->input_region();
  const std::span<const float> image = batch.image(n);
  std::size_t at = 0;
  for (int ch = 0; ch < batch.dim(1); ++ch) {
    for (int y = r.y.begin + extension.top; y < r.y.end + extension.top; ++y) {
      for (int x = r.x.begin + extension.left; x < r.x.end + extension.left; ++x) {
        input[at++] = image[(static_cast<std::size_t>(ch) * static_cast<std::size_t>(height) +
                             static_cast<std::size_t>(y)) *
                                static_cast<std::size_t>(width) +
                            static_cast<std::size_t>(x)];
      }
    }
  }
  return plan;
}

std::vector<float> CaseRunner::empty_output(const Array& batch) const {
  return std::vector<float>(
      static_cast<std::size_t>(batch.dim(0) * network().output_channels() * out_height_ * out_width_),
      -1e30F);
}

void CaseRunner::store(const TilePlan& plan, const Workspace& workspace, int n,
                       std::vector<float>& output) const {
  const Region core = plan.core();
  std::vector<float> tile(static_cast<std::size_t>(core.area() * network().output_channels()));
  plan.read_output(workspace, tile);
  std::size_t at = 0;
  for (int k = 0; k < network().output_channels(); ++k) {
    for (int y = core.y.begin; y < core.y.end; ++y) {
      for (int x = core.x.begin; x < core.x.end; ++x) {
        output[static_cast<std::size_t>(
            ((n * network().output_channels() + k) * out_height_ + y) * out_width_ + x)] = tile[at++];
      }
    }
  }
}

std::vector<float> CaseRunner::frozen(const Array& batch, const Statistics& statistics) const {
  std::vector<float> output = empty_output(batch);
  const auto weights = inference_.freeze(statistics);
  Workspace workspace;
  for (int n = 0; n < batch.dim(0); ++n) {
    for (const Region& core : cores_) {
      const auto plan = prepare(batch, n, core, PlanKind::frozen, workspace);
      plan->run(workspace, *weights, nullptr, nullptr);
      store(*plan, workspace, n, output);
    }
  }
  return output;
}

std::vector<float> CaseRunner::running(const Array& batch, const Statistics& statistics, Moments* moments,
                                       const Counting& counting) const {
  std::vector<float> output = empty_output(batch);
  Workspace workspace;
  if (moments != nullptr) moments->layers.clear();
  for (int n = 0; n < batch.dim(0); ++n) {
    for (const Region& core : cores_) {
      const auto plan = prepare(batch, n, core, PlanKind::measured, workspace);
      Moments tile;
      plan->run(workspace, *inference_.weights(), &statistics, &tile, counting.area);
      if (moments != nullptr && (!counting.cores || counting.cores(core))) moments->merge(tile);
      store(*plan, workspace, n, output);
    }
  }
  return output;
}

std::vector<float> CaseRunner::own(const Array& batch, Moments& moments, const Counting& counting) const {
  struct Item {
    int n;
    Workspace workspace;
    std::shared_ptr<const TilePlan> plan;
  };
  std::vector<Item> items;
  for (int n = 0; n < batch.dim(0); ++n) {
    for (const Region& core : cores_) {
      Workspace workspace;
      auto plan = prepare(batch, n, core, PlanKind::measured, workspace);
      items.push_back({n, std::move(workspace), std::move(plan)});
    }
  }
  const auto layers = static_cast<int>(network().batch_norms().size());
  moments.layers.assign(network().batch_norms().size(), {});
  LayerStatistics used;
  for (int stage = 0; stage <= layers; ++stage) {
    LayerMoments merged;
    for (Item& item : items) {
      LayerMoments tile;
      item.plan->run_stage(stage, item.workspace, *inference_.weights(), stage > 0 ? &used : nullptr,
                           stage < layers ? &tile : nullptr, counting.area);
      if (!counting.cores || counting.cores(item.plan->core())) merged.merge(tile);
    }
    if (stage < layers) {
      used = merged.statistics();
      moments.layers[static_cast<std::size_t>(stage)] = std::move(merged);
    }
  }
  std::vector<float> output = empty_output(batch);
  for (const Item& item : items) store(*item.plan, item.workspace, item.n, output);
  return output;
}

double deviation(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size() || a.empty()) return std::numeric_limits<double>::infinity();
  double mean = 0;
  for (const float v : b) mean += v;
  mean /= static_cast<double>(b.size());
  double variance = 0;
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    variance += (b[i] - mean) * (b[i] - mean);
    const double difference = std::abs(static_cast<double>(a[i]) - b[i]);
    if (!(difference <= largest)) largest = difference;  // keeps a NaN
  }
  return largest / std::sqrt(variance / static_cast<double>(b.size()));
}

}  // namespace fibflow::model
