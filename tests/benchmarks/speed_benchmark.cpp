// What the network costs on this machine: frozen inference and streaming adaptation of the paper's U-Net,
// next to the peak multiply-add rate measured in the same run. One thread, one tile, medians of interleaved
// runs.
//
// usage: speed_benchmark [--channels 16,64] [--sizes 256,1024] [--repeat N]

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "model/tile/inference.h"
#include "model/training/unet.h"
#include "nodes/intensity/feature_finder.h"
#include "tests/benchmarks/peak.h"

namespace {

using namespace fibflow::model;

double seconds(const auto& what) {
  const auto begin = std::chrono::steady_clock::now();
  what();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> v) {
  std::ranges::sort(v);
  return v[v.size() / 2];
}

std::vector<int> numbers(const std::string& text) {
  std::vector<int> v;
  std::stringstream stream(text);
  for (std::string item; std::getline(stream, item, ',');) v.push_back(std::atoi(item.c_str()));
  return v;
}

/// u8, as the feature finder reads it.
fibflow::io::Slice noise_slice(int size) {
  const auto pixels = static_cast<std::size_t>(size) * static_cast<std::size_t>(size);
  auto voxels = std::make_shared<std::byte[]>(pixels);
  for (std::size_t i = 0; i < pixels; ++i) voxels[i] = static_cast<std::byte>(i * 2654435761U % 251);
  return fibflow::io::Slice(0, size, size, fibflow::io::PixelType::u8, std::move(voxels));
}

void measure(int channels, int size, int repeat) {
  const UNet shape{.channels = channels, .depth = 4};
  const std::string bytes = unet_onnx(shape, [](const UNetTensor& t) { return initial_values(t, 1); });
  const Network network = Network::parse(std::as_bytes(std::span(bytes)), "benchmark");
  const Inference inference(network, size, size);
  const Region all{{0, size}, {0, size}};
  const Statistics source = network.source_statistics();
  const auto frozen_weights = inference.freeze(source);
  const auto frozen = inference.plan(all, PlanKind::frozen);
  const auto adapting = inference.plan(all, PlanKind::measured);
  Workspace frozen_space;
  Workspace adapting_space;
  Moments moments;
  const auto fill = [](std::span<float> input) {
    for (std::size_t i = 0; i < input.size(); ++i)
      input[i] = static_cast<float>(i * 2654435761U % 1000) / 500.0F - 1;
  };
  // Every second block counts, as many runs of pixels as there can be.
  const int blocks = (size + 15) / 16;
  std::vector<std::uint8_t> chequered(static_cast<std::size_t>(blocks) * static_cast<std::size_t>(blocks));
  for (std::size_t i = 0; i < chequered.size(); ++i)
    chequered[i] = (i / static_cast<std::size_t>(blocks) + i % static_cast<std::size_t>(blocks)) % 2;
  const CountedArea half(size, size, 16, std::move(chequered));
  const fibflow::io::Slice slice = noise_slice(size);
  std::vector<double> peak, frozen_time, adapting_time, half_time, finder_time;
  for (int r = -1; r < repeat; ++r) {  // the first round warms up
    fill(frozen->input(frozen_space));
    fill(adapting->input(adapting_space));
    const double p = fibflow::benchmarks::peak_gflops();
    const double f = seconds([&] { frozen->run(frozen_space, *frozen_weights, nullptr, nullptr); });
    const double a = seconds([&] { adapting->run(adapting_space, *inference.weights(), &source, &moments); });
    fill(adapting->input(adapting_space));
    const double h =
        seconds([&] { adapting->run(adapting_space, *inference.weights(), &source, &moments, &half); });
    const double n = seconds([&] { fibflow::nodes::FeatureFinder()(slice); });
    if (r < 0) continue;
    half_time.push_back(h);
    finder_time.push_back(n);
    peak.push_back(p);
    frozen_time.push_back(f);
    adapting_time.push_back(a);
  }
  const double gflop = 2e-9 * frozen->multiply_adds();
  const double voxels = 1e-6 * size * size;
  const double f = median(frozen_time);
  const double a = median(adapting_time);
  const double p = median(peak);
  const auto row = [&](const char* what, double t, double bytes_used) {
    std::printf("%8d %6d  %-9s %9.4f %10.2f %9.1f %7.0f %% %9.2f\n", channels, size, what, t, voxels / t,
                gflop / t, 100 * gflop / t / p, bytes_used / (1 << 20));
  };
  row("frozen", f, static_cast<double>(frozen->workspace_bytes()));
  row("adapting", a, static_cast<double>(adapting->workspace_bytes()));
  std::printf(
      "%8d %6d  peak %.1f GFLOP/s, adapting / frozen = %.2f; to count chequered blocks only / all = %.2f, "
      "to find what counts / adapting = %.4f\n",
      channels, size, p, a / f, median(half_time) / a, median(finder_time) / a);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<int> channels = {16, 64};
  std::vector<int> sizes = {256, 1024};
  int repeat = 5;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--channels") == 0) channels = numbers(argv[i + 1]);
    if (std::strcmp(argv[i], "--sizes") == 0) sizes = numbers(argv[i + 1]);
    if (std::strcmp(argv[i], "--repeat") == 0) repeat = std::max(1, std::atoi(argv[i + 1]));
  }
  std::printf("%8s %6s  %-9s %9s %10s %9s %9s %9s\n", "channels", "size", "", "seconds", "Mvoxel/s",
              "GFLOP/s", "of peak", "MiB");
  for (const int c : channels) {
    for (const int s : sizes) measure(c, s, repeat);
  }
}
