#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "model/training/trainer.h"

// Times steps of training: forward, backward and Adam. `training_benchmark [THREADS [STEPS [CHANNELS DEPTH
// BATCH PATCH]]]`; training_benchmark.py does the same in PyTorch.
namespace {

using namespace fibflow::model;

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

TrainingLoop loop_of(int threads) {
  return [threads](int count, const std::function<void(int)>& body) {
    std::vector<std::thread> others;
    for (int t = 1; t < std::min(threads, count); ++t) {
      others.emplace_back([=, &body] {
        for (int i = t; i < count; i += threads) body(i);
      });
    }
    for (int i = 0; i < count; i += threads) body(i);
    for (std::thread& other : others) other.join();
  };
}

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int i, int otherwise) { return i < argc ? std::atoi(argv[i]) : otherwise; };
  const int threads = argument(1, static_cast<int>(std::thread::hardware_concurrency()));
  const int steps = argument(2, 5);
  Trainer::Options options;
  options.shape.network.channels = argument(3, 16);
  options.shape.network.depth = argument(4, 4);
  options.shape.batch = argument(5, 8);
  options.shape.height = options.shape.width = argument(6, 256);
  Trainer trainer(options, loop_of(threads));

  const std::size_t pixels = static_cast<std::size_t>(options.shape.batch) *
                             static_cast<std::size_t>(options.shape.height) *
                             static_cast<std::size_t>(options.shape.width);
  std::vector<float> images(pixels);
  std::vector<std::uint8_t> labels(pixels);
  unsigned state = 1;
  for (std::size_t i = 0; i < pixels; ++i) {
    state = state * 1664525U + 1013904223U;
    images[i] = static_cast<float>(state >> 8U) * 0x1p-23F - 1;
    labels[i] = (state >> 20U) % 10 == 0;
  }
  std::printf("batch %d of %d x %d, %d channels, depth %d, %d threads, %.0f MiB\n", options.shape.batch,
              options.shape.height, options.shape.width, options.shape.network.channels,
              options.shape.network.depth, threads, static_cast<double>(trainer.memory()) / (1 << 20));
  for (int i = 0; i < steps; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const double cpu = cpu_seconds();
    const LossValue loss = trainer.step(images, labels, 1e-3);
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
    std::printf("step %d: loss %.4f, %.3f s, %.3f s of CPU\n", i, loss.total, wall.count(),
                cpu_seconds() - cpu);
  }
}
