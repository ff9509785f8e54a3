// What measuring on the way costs a run: the same stack segmented with the defaults and with statistics that are frozen after
// the probe, interleaved, and the ratio of their times after the probe.
//
// usage: measuring_benchmark [--size 1024] [--depth 64] [--channels 16] [--repeat 3] [--threads 2]

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "io/memory_stack.h"
#include "model/tile/network.h"
#include "model/training/unet.h"
#include "pipeline/report/run_report.h"
#include "pipeline/segment/run.h"

namespace {

using namespace fibflow;

double median(std::vector<double> v) {
  std::ranges::sort(v);
  return v[v.size() / 2];
}

/// Of this process, all threads.
double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// Waves and noise, others in each slice: of one acquisition.
io::Slice textured(std::int64_t z, int size) {
  const auto pixels = static_cast<std::size_t>(size) * static_cast<std::size_t>(size);
  auto voxels = std::make_shared<std::byte[]>(pixels);
  std::mt19937 random(static_cast<unsigned>(z));
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      const double wave = std::sin(0.05 * x + 0.3 * static_cast<double>(z)) * std::cos(0.04 * y);
      const auto noise = static_cast<double>(random() % 41) - 20;
      voxels[static_cast<std::size_t>(y) * static_cast<std::size_t>(size) + static_cast<std::size_t>(x)] =
          static_cast<std::byte>(static_cast<std::uint8_t>(std::lround(128 + 50 * wave + noise)));
    }
  }
  return io::Slice(z, size, size, io::PixelType::u8, std::move(voxels));
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, int> options{
      {"--size", 1024}, {"--depth", 64}, {"--channels", 16}, {"--repeat", 3}, {"--threads", 2}};
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!options.contains(argv[i])) {
      std::fprintf(stderr, "unknown option %s\n", argv[i]);
      return 64;
    }
    options[argv[i]] = std::atoi(argv[i + 1]);
  }
  const int size = options["--size"];
  const model::UNet shape{.channels = options["--channels"], .depth = 4};
  const std::string bytes =
      model::unet_onnx(shape, [](const auto& t) { return model::initial_values(t, 1); });
  const auto network = model::Network::parse(std::as_bytes(std::span(bytes)), "benchmark");
  io::StackInfo info;
  info.path = "textured";
  info.depth = options["--depth"];
  info.height = info.width = size;
  const std::string masks = (std::filesystem::temp_directory_path() /
                             ("measuring_benchmark." + std::to_string(std::random_device()()) + ".tif"))
                                .string();

  struct Times {
    std::vector<double> wall;
    std::vector<double> cpu;
  };
  std::map<bool, Times> times;
  int every = 0;
  long long measured = 0;
  for (int run = 0; run < options["--repeat"]; ++run) {
    for (const bool freezes : {run % 2 == 0, run % 2 != 0}) {
      io::MemoryStack stack(info, [size](std::int64_t z) { return textured(z, size); });
      pipeline::AdaptationOptions adaptation;
      adaptation.comparison = 0;
      if (freezes) adaptation.freeze = pipeline::Freeze::probe;
      pipeline::OutputOptions output;
      output.mask = masks;
      output.overwrite = true;
      double begun = 0;
      pipeline::RunHooks hooks;
      hooks.begin = [&](const std::string& phase, std::int64_t) {
        if (phase == "segment") begun = cpu_seconds();
      };
      const auto outcome =
          pipeline::segment(stack, network, {}, adaptation, output, {options["--threads"], 0, 0}, hooks);
      times[freezes].cpu.push_back(cpu_seconds() - begun);
      times[freezes].wall.push_back(outcome.report->seconds.segment);
      if (freezes) continue;
      every = outcome.report->adaptation->measured_every;
      measured = outcome.report->sums.costs()[1].slices;
    }
  }
  std::filesystem::remove(masks);
  const auto ratio = [&](std::vector<double> Times::*of) {
    return median(times[false].*of) / median(times[true].*of);
  };
  std::printf(
      "%d slices of %d x %d, %d channels, %d threads: one of %d measured, %lld in all; %.2f s, frozen %.2f "
      "s\n",
      options["--depth"], size, size, options["--channels"], options["--threads"], every, measured,
      median(times[false].wall), median(times[true].wall));
  std::printf("measuring / frozen = %.3f of wall time, %.3f of CPU time (medians of %d)\n",
              ratio(&Times::wall), ratio(&Times::cpu), options["--repeat"]);
}
