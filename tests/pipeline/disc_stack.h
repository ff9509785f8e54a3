#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tests/pipeline/memory_stack.h"

namespace fibflow::testing {

/// Bright balls in dark noise, and where they are: what a small network learns in seconds.
struct DiscStack {
  MemoryStack<std::uint8_t> images;
  MemoryStack<std::uint8_t> labels;

  DiscStack(std::int64_t depth, int height, int width, unsigned seed = 1, std::uint8_t label = 255)
      : images("images.tif", depth, height, width, std::vector<std::uint8_t>(count(depth, height, width))),
        labels("labels.tif", depth, height, width, std::vector<std::uint8_t>(count(depth, height, width))) {
    std::mt19937 random(seed);
    std::normal_distribution<double> noise(0, 22);
    struct Ball {
      double z, y, x, radius;
    };
    std::vector<Ball> balls;
    const auto below = [&](double size) { return size * static_cast<double>(random() % 1000) / 1000; };
    const auto each = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
    const std::size_t number = 3 + each / 900;
    for (std::size_t i = 0; i < number; ++i) {
      balls.push_back({below(static_cast<double>(depth)), below(height), below(width), 4 + below(5)});
    }
    std::size_t voxel = 0;
    for (std::int64_t z = 0; z < depth; ++z) {
      for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x, ++voxel) {
          bool inside = false;
          for (const Ball& b : balls) {
            const double d =
                std::pow(static_cast<double>(z) - b.z, 2) + std::pow(y - b.y, 2) + std::pow(x - b.x, 2);
            inside = inside || d < b.radius * b.radius;
          }
          const double gray = (inside ? 150 : 90) + noise(random);
          images.voxels[voxel] = static_cast<std::uint8_t>(std::min(255.0, std::max(0.0, gray)));
          labels.voxels[voxel] = inside ? label : 0;
        }
      }
    }
  }

 private:
  static std::size_t count(std::int64_t depth, int height, int width) {
    return static_cast<std::size_t>(depth) * static_cast<std::size_t>(height) *
           static_cast<std::size_t>(width);
  }
};

}  // namespace fibflow::testing
